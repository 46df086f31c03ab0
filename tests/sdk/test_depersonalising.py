"""Recordings without people: what tells of a person is invented, everything else is as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crossdock.sdk.depersonalising import without_people
from crossdock.sdk.pseudonyms import Pseudonyms

ORDER = (Path(__file__).parents[1] / "connectors/shopify/fixtures/order_webhook.json").read_text()
PEOPLE = (
    "Ines",
    "Falk Outdoor",
    "Hafenstr",
    "falk.example",
    "40 1234",
    "20457",
    "53.5438",
    "9.9942",
    "Ring twice",
)
TELLING = {
    *("contact_email", "email", "note", "phone", "token", "first_name", "last_name", "company"),
    *("address1", "address2", "zip", "latitude", "longitude"),
}


def test_an_order_has_nobody_in_it_and_is_the_same_otherwise() -> None:
    made = without_people(ORDER, Pseudonyms())
    assert [each for each in PEOPLE if each not in ORDER] == []
    assert [each for each in PEOPLE if each in made] == []
    assert made == without_people(ORDER, Pseudonyms())
    assert bare(json.loads(made)) == bare(json.loads(ORDER))


def bare(value: Any) -> Any:
    """Without what tells of a person; ``name`` does so where an address stands beside it."""
    if isinstance(value, list):
        return [bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    telling = TELLING | ({"name"} if "address1" in value else set())
    return {name: bare(each) for name, each in value.items() if name not in telling}


def test_who_bought_is_still_who_is_shipped_to() -> None:
    order = json.loads(without_people(ORDER, Pseudonyms()))
    shipped_to, customer = order["shipping_address"], order["customer"]
    assert (shipped_to["first_name"], shipped_to["last_name"]) == (
        customer["first_name"],
        customer["last_name"],
    )
    assert order["email"] == customer["email"] == "person1@example.com"


def test_numbers_stay_as_they_were_written() -> None:
    text = (
        '{"total": 12.50, "id": 820982911946154508, "rate": 1e-3, "zip": 20457, "lines": [{"quantity": 1}]}'
    )
    made = without_people(text, Pseudonyms())
    assert made == text.replace("20457", "0")


def test_what_has_a_name_but_is_no_person_keeps_it() -> None:
    text = json.dumps(
        {
            "name": "#1001",
            "line_items": [{"name": "Tent 2P", "title": "Tent", "sku": "TENT"}],
            "location": {"name": "Warehouse North"},
            "shipping_lines": [{"title": "Express", "latitude": "not a place"}],
            "shipping_address": {
                "name": "Ines Falk",
                "city": "Hamburg",
                "country_code": "DE",
                "zip": "20457",
            },
        }
    )
    made = json.loads(without_people(text, Pseudonyms()))
    assert made["shipping_address"].pop("name") == "Person 1"
    assert made["shipping_address"].pop("zip") == "20400"
    wanted = json.loads(text)
    wanted["shipping_address"] = {"city": "Hamburg", "country_code": "DE"}
    assert made == wanted


def test_xml() -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<s:Body xmlns:s="urn:s"><order id="7"><tranId>SO-7</tranId>'
        "<shippingAddress><addressee>Ines Falk</addressee><addr1>Hafenstr. 4</addr1><city>Hamburg</city>"
        "<zip>20457</zip><addrPhone>+49 40 1234</addrPhone></shippingAddress>"
        '<contact email="ines@falk.example"><name>Ines Falk</name></contact>'
        "<item><name>Tent</name></item></order></s:Body>"
    )
    made = without_people(text, Pseudonyms())
    assert made == (
        text.replace("Ines Falk", "Person 1")
        .replace("Hafenstr. 4", "1 Example Street")
        .replace("20457", "20400")
        .replace("+49 40 1234", "+15550000001")
        .replace("ines@falk.example", "person1@example.com")
    )


def test_x12() -> None:
    head = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'ACME':15}*ZZ*{'WMS':15}*261123*1000*U*00401*000000005*0*P*>~"
    text = (
        head + "GS*OW*ACME*WMS*20261123*1000*5*X*004010~ST*940*0001~W05*N*1001~N1*ST*Ines Falk*92*C-7~"
        "N3*Hafenstr. 4*Tor 2~N4*Hamburg**20457*DE~PER*IC*Ines Falk*TE*4940123456*EM*ines@falk.example~"
        "LX*1~W01*1*EA**VN*TENT~SE*8*0001~GE*1*5~IEA*1*000000005~"
    )
    made = without_people(text, Pseudonyms())
    assert made == (
        text.replace("Ines Falk", "Person 1")
        .replace("Hafenstr. 4*Tor 2", "1 Example Street*2 Example Street")
        .replace("20457", "20400")
        .replace("4940123456", "+15550000001")
        .replace("ines@falk.example", "person1@example.com")
    )


def test_csv() -> None:
    text = 'order;ship_to_name;street;zip;sku;quantity\r\n1;"Falk; Ines";Hafenstr. 4;20457;TENT;2\r\n'
    made = without_people(text, Pseudonyms())
    assert (
        made == "order;ship_to_name;street;zip;sku;quantity\r\n1;Person 1;1 Example Street;20400;TENT;2\r\n"
    )
    stock = "sku,quantity,name\nA,1,Tent\n"
    assert without_people(stock, Pseudonyms()) == stock


@pytest.mark.parametrize("begin", ["", "{", "[1, ", "<html><p>", "﻿{"])
def test_of_what_cannot_be_read_the_email_addresses_go(begin: str) -> None:
    assert without_people(f"{begin}ask ines@falk.example", Pseudonyms()) == f"{begin}ask person1@example.com"


def test_a_token_in_a_record_is_a_secret() -> None:
    text = '{"access_token": "abc", "next_token": "p2", "signatureConfirmation": "MANDATORY"}'
    assert without_people(text, Pseudonyms()) == text.replace("abc", "•••")
