from __future__ import annotations

from pathlib import Path

from crossdock.orders.diagrams import life_cycles_page

PAGE = Path(__file__).parents[2] / "docs" / "life-cycles.md"
WRITE = "from crossdock.orders.diagrams import life_cycles_page; print(life_cycles_page(), end='')"


def test_the_page_is_drawn_from_the_tables() -> None:
    remedy = f'the tables have changed; run: python -c "{WRITE}" > docs/life-cycles.md'
    assert PAGE.read_text(encoding="utf-8") == life_cycles_page(), remedy


def test_a_diagram_names_states_and_events() -> None:
    page = life_cycles_page()
    assert "    [*] --> open\n" in page
    assert "    cancel_requested --> accepted: refuse_cancel\n" in page
    assert "    closed --> [*]\n" in page
    assert "| `accept` | `picking` | it is being picked already |" in page
