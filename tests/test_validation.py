"""JSON of a schema, or the caller's own error."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from cardembed._validation import parse_record
from cardembed.errors import ReleaseError


class _Record(BaseModel):
    count: int


def _refused(found: str) -> ReleaseError:
    return ReleaseError("a.json", expected="a record", found=found, action="write it again")


def test_a_record_is_read() -> None:
    assert parse_record(_Record, b'{"count": 3}', _refused).count == 3


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"9" * 5_000, "no JSON"),
        (b"{}", "Field required at count"),
        (b'{"count": "x"}', "at count"),
    ],
)
def test_anything_else_is_the_callers_error(data: bytes, found: str) -> None:
    with pytest.raises(ReleaseError, match=found) as caught:
        parse_record(_Record, data, _refused)
    assert caught.value.__cause__ is not None
