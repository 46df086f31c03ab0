"""What goes wrong between us and an ERP, and what the operator is told."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from crossdock.sdk.connector import Verdict
from crossdock.sdk.errors import MisconfiguredError, UnreachableError
from crossdock.sdk.outcomes import Applied, NotApplied, Rejected, Unauthorised, Unknown, Unreachable
from crossdock_connectors.soap_erp.profile import PROFILES, load_profile
from tests.connectors.soap_erp.builders import PLAIN, Erp, command

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
PLAIN_ERP = "urn:crossdock:plain-erp:1"
POSTED = f"""<PostInvoiceResponse xmlns="{PLAIN_ERP}">
<documentNumber>RE-1</documentNumber><status>CREATED</status></PostInvoiceResponse>"""


CUSTOMERS = {"tables": {"customers": {"default": "7"}}}


def envelope(body: str) -> str:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{body}</s:Body></s:Envelope>'


class Answer:
    """Gives one answer, and keeps what it was asked."""

    def __init__(self, body: str, status: int = 200) -> None:
        self.body, self.status = body, status
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(
            self.status, text=self.body, headers={"content-type": "text/xml; charset=utf-8"}
        )


def erp(answer: Any, **changes: Any) -> Erp:
    config = {**PLAIN, "endpoint": "https://erp.test/soap", **changes}
    return Erp(
        {name: value for name, value in config.items() if value is not None}, httpx.MockTransport(answer)
    )


def profile_file(folder: Path, **changes: Any) -> str:
    """A copy of the plain profile with changes, beside its WSDL."""
    content = yaml.safe_load((PROFILES / "plain_erp" / "profile.yaml").read_text())
    content["wsdl"] = str(PROFILES / "plain_erp" / "plain_erp.wsdl")
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(content | changes))
    return str(path)


def test_decimals_are_sent_as_they_are() -> None:
    answer = Answer(envelope(POSTED))
    assert isinstance(erp(answer).execute(command("invoice.post")), Applied)
    sent = answer.requests[0].content.decode()
    assert re.search(r"<\w+:unitPrice>19\.90</", sent)
    assert re.search(r"<\w+:quantity>2</", sent)


@pytest.mark.parametrize("body", ["<html>maintenance</html>", "", "{}", envelope("")[:-20]])
@pytest.mark.parametrize("status", [200, 500])
def test_a_broken_answer_to_a_posting_is_unknown(body: str, status: int) -> None:
    assert isinstance(erp(Answer(body, status)).execute(command("invoice.post")), Unknown)


def test_an_answer_without_a_number_is_unknown() -> None:
    outcome = erp(Answer(envelope('<PostInvoiceResponse xmlns="urn:crossdock:plain-erp:1"/>'))).execute(
        command("invoice.post")
    )
    assert outcome == Unknown("PostInvoice was answered without a number at documentNumber")


def test_a_broken_answer_to_a_probe_is_asked_again() -> None:
    assert isinstance(erp(Answer("<html/>")).probe(command("invoice.post")), Unreachable)


def test_nothing_there_is_not_applied() -> None:
    answer = Answer(envelope('<GetDocumentResponse xmlns="urn:crossdock:plain-erp:1"/>'))
    assert erp(answer).probe(command("invoice.post")) == NotApplied()


def test_no_connection_means_that_nothing_was_sent() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    assert isinstance(erp(refuse).execute(command("invoice.post")), Unreachable)


def test_a_fault_without_detail_is_a_rejection() -> None:
    fault = (
        "<s:Fault><faultcode>s:Server.userException</faultcode><faultstring>no period</faultstring></s:Fault>"
    )
    outcome = erp(Answer(envelope(fault), 500)).execute(command("invoice.post"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "Server.userException"
    assert "no period" in outcome.message


def test_a_fault_of_ws_security() -> None:
    fault = "<s:Fault><faultcode>wsse:FailedAuthentication</faultcode><faultstring>no</faultstring></s:Fault>"
    assert isinstance(erp(Answer(envelope(fault), 500)).execute(command("invoice.post")), Unauthorised)


def test_an_answer_to_a_poll_that_says_nothing_is_no_empty_page() -> None:
    answer = Answer(envelope('<ListItemsResponse xmlns="urn:crossdock:plain-erp:1"/>'))
    with pytest.raises(MisconfiguredError, match="answered with neither item nor totalPages"):
        erp(answer).pages("products")


def test_a_poll_that_is_not_answered_goes_on_later() -> None:
    with pytest.raises(UnreachableError):
        erp(Answer("<html/>")).pages("products")


def test_a_cursor_that_is_none_of_ours() -> None:
    with pytest.raises(MisconfiguredError, match="is no cursor of this connector"):
        erp(Answer("")).pages("products", {"after": "x"})


def test_http_basic(tmp_path: Path) -> None:
    answer = Answer(envelope(POSTED))
    erp(answer, profile=profile_file(tmp_path, auth="basic")).execute(command("invoice.post"))
    expected = base64.b64encode(b"hub:erp-secret").decode()
    assert answer.requests[0].headers["authorization"] == f"Basic {expected}"
    assert b"UsernameToken" not in answer.requests[0].content


@pytest.mark.parametrize(("auth", "open_password"), [("wsse", True), ("wsse_digest", False)])
def test_username_tokens(tmp_path: Path, auth: str, open_password: bool) -> None:
    answer = Answer(envelope(POSTED))
    erp(answer, profile=profile_file(tmp_path, auth=auth)).execute(command("invoice.post"))
    assert (b"erp-secret" in answer.requests[0].content) is open_password
    assert b">hub<" in answer.requests[0].content


def test_http_says_unauthorised() -> None:
    assert isinstance(erp(Answer("", 401)).execute(command("invoice.post")), Unauthorised)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"profile": "netsuite", "username": None, "password": None}, "settings.account: is missing; add it"),
        ({"profile": "sap"}, "there is no profile 'sap'; name one of netsuite, plain_erp"),
        ({"wsdl": "none.wsdl"}, "can't be used as a WSDL"),
        ({"wsdl": __file__}, "can't be used as a WSDL"),
        ({"password": None}, "username, password: the profile authenticates by wsse; add both"),
        ({"settings": {"acount": "1"}}, "settings.acount: the profile reads no such thing"),
    ],
)
def test_check_says_what_is_misconfigured(changes: dict[str, Any], words: str) -> None:
    checks = erp(Answer(""), **changes).check()
    assert checks["stock"].verdict is checks["invoice.post"].verdict is Verdict.MISCONFIGURED
    assert words in checks["stock"].message


def test_a_profile_without_a_wsdl_asks_for_one() -> None:
    secrets = {"consumer_key": "ck", "consumer_secret": "cs", "token_id": "t", "token_secret": "ts"}
    changes = {"profile": "netsuite", "settings": {"account": "1"}, "secrets": secrets} | CUSTOMERS
    assert "brings no WSDL: download" in erp(Answer(""), **changes).check()["products"].message


def test_check_names_operations_that_the_wsdl_lacks(tmp_path: Path) -> None:
    post = {"operation": "PostOrder", "arguments": {}, "external_id": "x", "reference": "y"}
    own = profile_file(tmp_path, commands={"invoice.post": post}, check=None)
    check = erp(Answer(""), profile=own).check()["invoice.post"]
    assert check.verdict is Verdict.MISCONFIGURED
    assert "the WSDL has no operation PostOrder; it has: ChangePurchaseOrder, GetDocument" in check.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"streams": {"invoices": {"operation": "x", "records": "x", "key": "x"}}},
            "there is no stream 'invoices'",
        ),
        ({"titel": "x"}, "titel: Extra inputs are not permitted"),
        (
            {"check": {"operation": "x", "arguments": {"a": "${settings.unknown}"}}},
            "is used, but not declared",
        ),
        (
            {"streams": {"stock": {"operation": "x", "records": "x", "key": "x", "paging": {}}}},
            "say how the last page",
        ),
    ],
)
def test_a_profile_with_mistakes(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MisconfiguredError, match=re.escape(words)):
        load_profile(profile_file(tmp_path, **changes))


def test_what_the_profile_refers_to_and_is_not_there_rejects_the_document(tmp_path: Path) -> None:
    post = {
        "operation": "PostInvoice", "arguments": {"posting": "${document.invoice}"}, "external_id": "x",
        "reference": "y",
    }  # fmt: skip
    outcome = erp(Answer(""), profile=profile_file(tmp_path, commands={"invoice.post": post})).execute(
        command("invoice.post")
    )
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.path) == ("profile.missing", "document.invoice")


def test_a_stream_that_the_profile_does_not_have_brings_nothing(tmp_path: Path) -> None:
    assert erp(Answer(""), profile=profile_file(tmp_path, streams={})).pages("stock") == []
