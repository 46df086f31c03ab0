from __future__ import annotations

from tests.stored_names import members


def test_a_member_is_stored_under_its_own_name() -> None:
    found = members("crossdock.orders")
    assert len(found) > 10
    assert all(name == f"{name.partition('.')[0]}.{str(value).upper()}" for name, value in found.items())
