from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.formats import FORMATS, format_named

MEASURE = r"""
import re
from pathlib import Path
from crossdock.sdk.formats import format_named

def chunks(name):
    yield b"sku,node,quantity\n" if name == "csv" else b""
    for block in range(1000):
        first = block * 1000
        if name == "csv":
            yield b"".join(b"SKU-%06d,DC1,%d\n" % (at, at % 90) for at in range(first, first + 1000))
        else:
            yield b"".join(b"SKU-%06dDC1 %6d\n" % (at, at % 90) for at in range(first, first + 1000))

columns = [{"name": "sku", "width": 10}, {"name": "node", "width": 4}, {"name": "quantity", "width": 6}]
dialects = {"csv": {}, "fixed_width": {"records": [{"columns": columns}]}}
for name, dialect in dialects.items():
    file_format = format_named(name, dialect)
    records = (record for frame in file_format.frames(chunks(name)) for record in file_format.parse(frame))
    print(sum(record.value["node"] == "DC1" for record in records))
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def test_a_million_lines_are_read_in_less_than_100_megabytes() -> None:
    source = str(Path(__file__).parents[3] / "core")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": source},
    )
    lines_csv, lines_fixed, megabytes = map(int, done.stdout.split())
    assert (lines_csv, lines_fixed) == (1_000_000, 1_000_000)
    assert megabytes < 100


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_each_format_knows_its_name_and_refuses_unknown_settings(name: str) -> None:
    needed = {"fixed_width": {"records": [{"columns": [{"name": "a", "width": 1}]}]}}
    assert format_named(name, needed.get(name, {})).name == name
    with pytest.raises(MisconfiguredError, match="no_such_setting"):
        format_named(name, {**needed.get(name, {}), "no_such_setting": 1})


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(MisconfiguredError, match="csv, fixed_width, json, ndjson, x12, xml"):
        format_named("edifact")
