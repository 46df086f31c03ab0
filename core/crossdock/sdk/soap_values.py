"""Values between plain Python and zeep: types by name on the way out, no floats and no naive instants on the
way in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import cast

import isodate
import zeep
from lxml import etree
from zeep.xsd.valueobjects import AnyObject, CompoundValue

from crossdock.sdk.soap_envelope import plain_xml

__all__ = ["TYPE_KEY", "plain", "typed"]

TYPE_KEY = "@type"
"""Key of a dictionary that names its derived type, where the WSDL declares an abstract one:
``{namespace}LocalName``.
"""

_UNPLACED = "_raw_elements"
"""Where zeep, when it is lenient, puts the elements that the WSDL does not declare."""


def typed(value: object, client: zeep.Client) -> object:
    """The value as zeep wants it: dictionaries with ``@type`` become values of that type.

    Raises:
        zeep.exceptions.LookupError: The WSDL's schemas have no such type.
    """
    if isinstance(value, Mapping):
        fields = {key: typed(item, client) for key, item in value.items() if key != TYPE_KEY}
        if TYPE_KEY not in value:
            return fields
        make = cast("Callable[..., object]", client.get_type(value[TYPE_KEY]))
        return make(**fields)
    if isinstance(value, list | tuple):
        return [typed(item, client) for item in value]
    return value


def plain(value: object, zone: tzinfo) -> object:
    """What zeep read, as dictionaries, lists, ``Decimal``, aware instants, ISO dates and strings.

    A double becomes the decimal that was written, as long as that had at most 15 digits. An instant without
    an offset is one of ``zone``. A value of a derived type has its name under ``@type``.
    """
    match value:
        case CompoundValue():
            return _compound(value, zone)
        case AnyObject():
            return plain(value.value, zone)
        case Mapping():
            return {str(key): plain(item, zone) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, zone) for item in value]
        case etree._Element():
            return plain_xml(value)
        case _:
            return _simple(value, zone)


def _simple(value: object, zone: tzinfo) -> object:
    match value:
        case bool() | int() | Decimal() | str() | bytes() | None:
            return value
        case float():
            return Decimal(repr(value))
        case datetime():
            offset = value.utcoffset()
            return value.replace(tzinfo=zone if offset is None else timezone(offset))
        case date() | time():
            return value.isoformat()
        case timedelta() | isodate.Duration():
            return str(isodate.duration_isoformat(value))
        case _:
            return str(value)


def _compound(value: CompoundValue, zone: tzinfo) -> dict[str, object]:
    declared = dict(value._xsd_type.elements)
    fields: dict[str, object] = {}
    for name in value:
        item = value[name]
        if name == _UNPLACED:
            fields |= {etree.QName(one).localname: plain_xml(one) for one in item}
            continue
        below = plain(item, zone)
        if isinstance(item, CompoundValue) and isinstance(below, dict):
            element = declared.get(name)
            if element is not None and element.type is not item._xsd_type and item._xsd_type.name:
                below[TYPE_KEY] = item._xsd_type.name
        fields[name] = below
    return fields
