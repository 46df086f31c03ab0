"""Bad input through a whole running hub: what is wrong and where is told, with what to do; the bytes are kept; the rest
goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.edges.running_hub import RunningHub, running_hub, until

_FIXTURES = Path(__file__).parents[1] / "connectors"
_ORDER = json.loads((_FIXTURES / "shopify/fixtures/order_webhook.json").read_text(), parse_float=Decimal)
_X12 = (_FIXTURES / "sftp_wms/fixtures/945_cartons.x12").read_bytes()


pytestmark = pytest.mark.xdist_group("bad_input")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


def changed(change: Callable[[Any], None]) -> bytes:
    order = json.loads(json.dumps(_ORDER, default=str))
    change(order)
    return json.dumps(order).encode()


def _negative(order: Any) -> None:
    order["line_items"][0] |= {"quantity": -1, "current_quantity": -1}


WEBHOOKS: dict[str, tuple[bytes, str, str, tuple[str, ...]]] = {
    "malformed JSON": (b'{"id": 1, "line_items": [}', "", "format.json", ("line 1, column 26", "replay")),
    "cut off JSON": (json.dumps(_ORDER, default=str).encode()[:500], "", "format.json", ("line 1, column",)),
    "a key twice": (b'{"id": 1, "id": 2}', "", "format.json", ("'id' is there twice",)),
    "not UTF-8": (b'{"id": "\xff"}', "", "format.json", ("byte 9 is not UTF-8",)),
    "nothing at all": (b"", "", "format.empty", ("nothing in it is a record", "ask the partner")),
    "no object": (b"[]", "", "format.json", ("must be an object, this is a list",)),
    "a negative quantity": (
        changed(_negative),
        "$.lines[0].quantity",
        "schema.greater_than_equal",
        ("$.lines[0].quantity of the order/1", "value: -1", "Correct the value at the partner"),
    ),
    "an unknown currency": (
        changed(lambda order: order.update(currency="XXQ")),
        "$.currency",
        "schema.value_error",
        ("unknown currency 'XXQ': use an ISO 4217 code such as USD or EUR",),
    ),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_bad_webhook_is_stored_and_told(hub: RunningHub, name: str) -> None:
    body, path, code, words = WEBHOOKS[name]
    before = {letter.id for letter in hub.letters("")}
    assert hub.order(body, name.replace(" ", "-")).status_code == 200, "the partner has done its part"
    until(lambda: [each for each in hub.letters("") if each.id not in before])
    (letter,) = [each for each in hub.letters("") if each.id not in before]
    assert (letter.code, letter.path, letter.body) == (code, path, body)
    for word in ("shop/orders_hook record ", *words):
        assert word in letter.message
    assert letter.message.count("$.lines[0].quantity of the order/1") <= 1
    assert len(letter.message.splitlines()) <= 13


REFUSED: dict[str, tuple[bytes, dict[str, str], int, tuple[str, ...]]] = {
    "50 MB": (b"a" * 50_000_000, {}, 413, ("10485760 bytes", "web.max_body_bytes")),
    "wrong HMAC": (b"{}", {"hmac-sha256": "AAAA"}, 401, ("X-Shopify-Hmac-SHA256", "client_secret")),
    "no HMAC": (b"{}", {"hmac-sha256": ""}, 401, ("X-Shopify-Hmac-SHA256",)),
    "another shop": (b"{}", {"shop-domain": "evil.myshopify.com"}, 403, ("evil.myshopify.com", "acme.")),
    "another topic": (b"{}", {"topic": "carts/create"}, 404, ("carts/create", "delete its subscription")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_call_that_is_not_taken_says_why(
    hub: RunningHub, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    body, headers, status, words = REFUSED[name]
    answer = hub.order(body, name, **headers)
    assert answer.status_code == status
    for word in words:
        assert word in answer.text
    logged = "".join(capfd.readouterr())
    assert "webhook refused" in logged
    refused = hub.call("GET", "/metrics").text
    assert f'crossdock_webhooks_refused_total{{connection="shop",status="{status}"}}' in refused


FILES: dict[str, tuple[str, str, bytes, bool, str, str, tuple[str, ...]]] = {
    # stream, name, content, whether it is applied as far as it can be, code, path, words
    "truncated X12": (
        "advice_945", "945_cut.x12", _X12[:400], False, "x12.truncated", "the end of the file",
        ("half-written, fetch it again", "moved to the partner's error folder"),
    ),
    "X12 without its end": (
        "advice_945", "945_end.x12", _X12[: _X12.index(b"GE*1")], False, "x12.truncated", "the end of the file",
        ("no IEA",),
    ),
    "X12 with a wrong count": (
        "advice_945", "945_count.x12", _X12.replace(b"SE*22", b"SE*29").replace(b"0210", b"0212"), True,
        "x12.set_count", "line 3: interchange 000000212, group 210, set 0001, segment 22 (SE), element 01",
        ("SE01 says 29, the set has 22 segments",),
    ),
    "no X12": (
        "advice_945", "945_text.x12", b"hello world\n", False, "x12.no_interchange", "line 1, byte 0",
        ("found 'hello world",),
    ),
    "X12 with a negative quantity": (
        "advice_945", "945_negative.x12",
        _X12.replace(b"W12*CC*2*2**EA", b"W12*CC*2*-2**EA").replace(b"0210", b"0211"), True,
        "schema.greater_than_equal", "line 3: $.parcels[0].lines[0].quantity", ("value: -2",),
    ),
    "CSV in UTF-16": (
        "stock_csv", "stock_16.csv", "sku,quantity\nA,1\n".encode("utf-16"), False, "format.encoding", "byte 0",
        ("utf-16-le", "utf-8 is declared", "dialect.encoding"),
    ),
    "CSV in Latin-1": (
        "stock_csv", "stock_1.csv", "sku,quantity\nGOOD-1,1\nTÜR,1\n".encode("latin-1"), True,
        "format.encoding", "line 3, column 1", ("not utf-8", "dialect.encoding"),
    ),
    "CSV with another header": (
        "stock_csv", "stock_header.csv", b"artikel;menge\nA;1\nB;2\n", True, "mapping.missing",
        "line 2: $.rows[0]", ("none of 2 rows can be used", "'artikel;menge'", "delimiter"),
    ),
    "CSV with too few fields": (
        "stock_csv", "stock_fields.csv", b"sku,quantity\nGOOD-2,1\nD\n", True, "format.fields", "line 3, column 2",
        ("1 fields, 2 are expected",),
    ),
    "CSV with a word for a number": (
        "stock_csv", "stock_word.csv", b"sku,quantity\nGOOD-3,1\nC,many\n", True, "mapping.type",
        "line 3: $.rows[1].quantity", ("line 3", "expected a whole number"),
    ),
    "CSV with a quote left open": (
        "stock_csv", "stock_quote.csv", b'sku,quantity\nGOOD-4,1\n"B,2\n', True, "format.open_quote", "line 3",
        ("a quoted field begins here",),
    ),
    "a negative count": (
        "stock_csv", "stock_minus.csv", b"sku,quantity\nGOOD-5,1\nB,-5\n", True, "stock.negative_quantity", "SKU B in",
        ("wms: stock of node CHI", "-5 units of SKU B", "Correct the line here and replay"),
    ),
    "a half-written CSV": (
        "stock_csv", "stock_half.csv", b"sku,quantity\nA,1\nB", False, "format.half_written", "last line",
        ("half-written", "fetch it again"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_kept_and_told(hub: RunningHub, name: str) -> None:
    stream, file, content, applied, code, path, words = FILES[name]
    before = {letter.id for letter in hub.letters("")}
    hub.put(stream, file, content)
    until(lambda: [each for each in hub.letters("") if each.id not in before])
    (letter,) = [each for each in hub.letters("") if each.id not in before]
    assert letter.code == code
    assert letter.path.startswith(path)
    assert letter.connection == "wms"
    for word in (*words, *([] if letter.stage == "stock" else [f"wms/{stream} {file}"])):
        assert word in letter.message
    kept = hub.folder / "partner" / stream / ("archive" if applied else "error") / file
    until(kept.is_file)
    assert kept.read_bytes() == content
    for sku in ("GOOD-1", "GOOD-2", "GOOD-3", "GOOD-4", "GOOD-5"):
        if sku.encode() in content:
            until(lambda sku=sku: hub.on_hand().get(sku) == 1)  # type: ignore[misc]


def test_a_file_is_not_read_while_it_is_written(hub: RunningHub) -> None:
    with (hub.folder / "partner/stock_csv/stock_slow.csv").open("wb") as file:
        file.write(b"sku,quantity\n")
        for number in range(8):
            file.write(f"SLOW-{number},1\n".encode())
            file.flush()
            until(_passed(0.1))
        assert "SLOW-0" not in hub.on_hand()
    until(lambda: "SLOW-7" in hub.on_hand())


def test_a_file_without_a_line_is_work_for_somebody(hub: RunningHub) -> None:
    hub.put("stock_csv", "stock_none.csv", b"")
    until(lambda: hub.items("stock_none.csv: holds no line"))


def test_an_advice_of_an_order_nobody_knows_says_so_without_a_traceback(
    hub: RunningHub, capfd: pytest.CaptureFixture[str]
) -> None:
    hub.put("advice_945", "945_unknown.x12", _X12)
    until(lambda: hub.letters("there is no fulfilment order 'F0123456789ABC'"))
    (letter,) = hub.letters("there is no fulfilment order 'F0123456789ABC'")
    assert "must send back the id it was given" in letter.message
    logged: list[str] = []

    def is_logged() -> bool:
        logged.extend(capfd.readouterr())
        return "message given up" in "".join(logged)

    until(is_logged)
    assert "Traceback" not in "".join(logged)


def test_an_unknown_sku_is_told_at_once(hub: RunningHub) -> None:
    answer = hub.call(
        "POST", "/v1/orders?channel=b2b", headers={"idempotency-key": "unknown"}, json=_b2b("NO-SUCH-SKU", 1)
    )
    assert answer.status_code == 201, answer.text
    until(lambda: hub.items("unknown SKU NO-SUCH-SKU"))
    (item,) = hub.items("unknown SKU NO-SUCH-SKU")
    assert item.cause == "data_invalid"
    assert "Correct it in the channel, or send the product" in item.message


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b'{"external_id": ', 400, ("JSON",)),
        (json.dumps({"external_id": "B-2"}).encode(), 422, ("placed_at", "lines")),
        (b" " * 11_000_000, 413, ("web.max_body_bytes",)),
    ],
)
def test_the_api_says_what_is_wrong(
    hub: RunningHub, content: bytes, status: int, words: tuple[str, ...]
) -> None:
    headers = {"idempotency-key": "bad", "content-type": "application/json"}
    answer = hub.call("POST", "/v1/orders?channel=b2b", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.text


def _b2b(sku: str, quantity: int) -> dict[str, Any]:
    return {
        "external_id": f"B-{sku}",
        "version": "1",
        "placed_at": "2026-11-23T09:00:00Z",
        "currency": "USD",
        "destinations": [{"id": "1", "address": {"country": "US", "postal_code": "60601"}}],
        "lines": [
            {
                "external_id": "1",
                "sku": sku,
                "quantity": quantity,
                "unit_price": {"amount": "1.00", "currency": "USD"},
                "destination": "1",
            }
        ],
    }


def _passed(seconds: float) -> Callable[[], bool]:
    import time

    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
