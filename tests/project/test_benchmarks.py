"""The runner of the benchmarks: what it accepts, and the page it writes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from rich.console import Console

from benchmarks.__main__ import MEASUREMENTS, PAGE, RESULTS, benchmarks, circumstances, figure, page, run
from benchmarks.measurement import Measurement

ROW = {"name": "order", "unit": "µs", "ours": 30.0, "other": 20.0, "other_name": "hand-written", "ratio": 9.9}


def test_the_ratio_is_computed_never_believed() -> None:
    (row,) = run({"mapping": lambda: [ROW]}, Console(quiet=True))
    assert row == Measurement(name="order", unit="µs", ours=30, other=20, other_name="hand-written")
    assert row.model_dump()["ratio"] == pytest.approx(1.5)


def test_a_result_of_the_wrong_shape_is_an_error() -> None:
    with pytest.raises(ValidationError, match="other_name"):
        run(
            {"mapping": lambda: [{"name": "order", "unit": "µs", "ours": 1, "other": 1}]}, Console(quiet=True)
        )


def test_the_page_says_where_when_and_how() -> None:
    text = page([Measurement.model_validate(ROW)], ["a machine", "a Python"], "2026-11-23")
    assert "Measured on 2026-11-23 with `make bench`:\n\n- a machine\n- a Python\n" in text
    assert "| order | µs | 30 | 20 | hand-written | 1.50 |" in text
    assert circumstances(text) == (["a machine", "a Python"], "2026-11-23")


def test_the_page_is_made_of_the_results() -> None:
    assert PAGE.exists() == RESULTS.exists()
    if not PAGE.exists():
        pytest.skip("nothing was measured yet: make bench")
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(MEASUREMENTS.validate_json(RESULTS.read_bytes()), *circumstances(text))


def test_what_was_promised_is_measured() -> None:
    promised = {
        "batch_routing",
        "end_to_end",
        "many_workers",
        "mapping",
        "routing",
        "routing_proof",
        "stock_feed",
        "webhooks",
    }
    assert promised <= benchmarks().keys()


@pytest.mark.parametrize(
    ("value", "text"), [(1234567.8, "1,234,568"), (99.96, "100"), (1.2345, "1.23"), (0.00123, "0.00123")]
)
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    assert figure(value) == text
