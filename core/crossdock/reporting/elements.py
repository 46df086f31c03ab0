"""Elements of HTML and SVG; lxml escapes what is put into them."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

__all__ = ["Element", "element"]

Element = etree._Element


def element(tag: str, *parts: Mapping[str, str] | str | Element) -> Element:
    """An element with attributes (mappings), text and further elements, in this order."""
    made = etree.Element(tag)
    last: Element | None = None
    for part in parts:
        if isinstance(part, Mapping):
            for name, value in part.items():
                made.set(name, value)
        elif not isinstance(part, str):
            made.append(part)
            last = part
        elif last is None:
            made.text = (made.text or "") + part
        else:
            last.tail = (last.tail or "") + part
    return made
