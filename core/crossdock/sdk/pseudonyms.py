"""Takes people out of recordings: whatever names, addresses or reaches a person gets an invented value instead.

The same value gets the same pseudonym within a recording, by the order in which values come, so that the same answers
make the same bytes, who bought is still who is shipped to, and nothing of the value is in its pseudonym. Numbers, codes
and the shape of a document stay: it maps as it did.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

__all__ = ["Personal", "Pseudonyms", "is_place", "kind_of"]


class Personal(StrEnum):
    """What a value says of a person."""

    NAME = "name"
    STREET = "street"
    POSTAL_CODE = "postal_code"
    COORDINATE = "coordinate"
    PHONE = "phone"
    EMAIL = "email"
    TEXT = "text"
    ADDRESS_ON_NET = "ip"
    NUMBER = "number"


_KINDS = {
    Personal.NAME: (
        "firstname lastname middlename fullname givenname familyname surname buyername recipientname contactname "
        "customername personname attention addressee attn company companyname nickname signedby"
    ),
    Personal.STREET: (
        "street street1 street2 street3 address1 address2 address3 addressline addressline1 addressline2 addressline3 "
        "addr1 addr2 addr3 addrline line1 line2 line3 addrtext address fulladdress streetaddress housenumber "
        "streetname formatted"
    ),
    Personal.POSTAL_CODE: "zip zipcode postalcode postcode",
    Personal.COORDINATE: "latitude longitude lat lon lng",
    Personal.PHONE: "phone phone1 phone2 phonenumber telephone tel mobile mobilephone fax addrphone altphone",
    Personal.EMAIL: "email emailaddress buyeremail contactemail",
    Personal.TEXT: (
        "note notes comment comments giftmessage giftnote instructions deliveryinstructions customernote memo"
    ),
    Personal.ADDRESS_ON_NET: "ip browserip clientip ipaddress remoteip",
    Personal.NUMBER: "taxid taxidentifier vatregnumber birthdate dateofbirth passport nationalid personalid",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_PLACE_KINDS = {Personal.STREET, Personal.POSTAL_CODE}
_PREFIXES = re.compile(
    r"^(ship(ping)?to|billto|shipping|billing|buyer|recipient|customer|delivery|contact|consignee|to|from)"
)
_PEOPLE = re.compile(
    r"(customer|buyer|recipient|address|contact|person|shipto|billto|consignee|consumer|purchaser)$"
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_OURS = re.compile(r"person\d+@example\.com")


def kind_of(name: str, *, parent: str = "", in_place: bool = False) -> Personal | None:
    """What a field of this name says of a person; None where it says nothing.

    Args:
        name: Of the field, column, element or attribute, in any spelling: ``first_name``, ``FirstName``.
        parent: The name of what holds it.
        in_place: Whether an address stands beside it. A plain ``name`` is a person's only there, and in what is called
            a customer or the like; and so are coordinates, and numbers that warehouses go by are no person's.
    """
    plain = _plain(name)
    of_person = in_place or bool(_PEOPLE.search(_plain(parent)))
    if plain in {"name", "name1", "name2", "displayname"}:
        return Personal.NAME if of_person else None
    found = _KIND_OF.get(plain) or _KIND_OF.get(_PREFIXES.sub("", plain))
    if found is None and _PREFIXES.sub("", plain) == "name" and plain != "name":
        return Personal.NAME
    return None if found is Personal.COORDINATE and not of_person else found


def is_place(name: str) -> bool:
    """Whether what has a field of this name is an address."""
    return kind_of(name) in _PLACE_KINDS


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Pseudonyms:
    """Invented values, one for each value that was met."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._numbers: dict[tuple[Personal, str], int] = {}
        self._makers: dict[Personal, Callable[[int, str], str]] = {
            Personal.NAME: lambda number, _: f"Person {number}",
            Personal.STREET: lambda number, _: f"{number} Example Street",
            Personal.POSTAL_CODE: _coarse,
            Personal.COORDINATE: lambda _, value: value.partition(".")[0] or "0",
            Personal.PHONE: lambda number, _: f"+1555{number:07}",
            Personal.EMAIL: lambda number, _: f"person{number}@example.com",
            Personal.TEXT: lambda number, _: f"Text {number}",
            Personal.ADDRESS_ON_NET: lambda number, _: f"192.0.2.{number % 256}",
            Personal.NUMBER: lambda number, value: re.sub(r"[0-9]", "0", re.sub(r"[A-Za-z]", "X", value)),
        }

    def of(self, kind: Personal, value: str) -> str:
        """The pseudonym of a value; of nothing, nothing."""
        if not value.strip():
            return value
        known = self._numbers
        number = known.setdefault((kind, value.strip().casefold()), sum(k is kind for k, _ in known) + 1)
        return self._makers[kind](number, value)

    def text(self, text: str) -> str:
        """Any text, with pseudonyms for the e-mail addresses in it."""
        return _EMAIL.sub(
            lambda match: match[0] if _OURS.fullmatch(match[0]) else self.of(Personal.EMAIL, match[0]), text
        )


def _coarse(_: int, value: str) -> str:
    """A post code of the neighbourhood: the first three signs say the region, which routing goes by."""
    return value[:3] + re.sub(r"[0-9]", "0", re.sub(r"[A-Za-z]", "A", value[3:]))
