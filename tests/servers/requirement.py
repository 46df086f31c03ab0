"""Whether a test whose server is not installed skips, or fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str, how: str) -> NoReturn:
    """Skip with the reason and the remedy; fail where ``CROSSDOCK_REQUIRE_SERVERS=1`` says that nothing may
    skip.
    """
    reason = f"{what} is not installed; {how}"
    if os.environ.get("CROSSDOCK_REQUIRE_SERVERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
