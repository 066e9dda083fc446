"""JSON of a schema and files of a size, or the caller's own error."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from cardembed._validation import parse_record, read_limited
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


def test_a_files_bytes_are_read_up_to_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for size in (0, 4):
        file.write_bytes(bytes(size))
        assert read_limited(file, _refused, limit=4) == bytes(size)
    file.write_bytes(bytes(5))
    with pytest.raises(ReleaseError, match="found more than 4 bytes"):
        read_limited(file, _refused, limit=4)


def test_what_cannot_be_read_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="found no such file"):
        read_limited(tmp_path / "absent.json", _refused, limit=4)
    with pytest.raises(ReleaseError, match="directory"):
        read_limited(tmp_path, _refused, limit=4)


class _Strict(BaseModel, extra="forbid"):
    name: str
    count: int
    size: int
    more: int


def test_a_misspelt_name_comes_before_what_it_leaves_missing() -> None:
    with pytest.raises(ReleaseError) as caught:
        parse_record(_Strict, b'{"nmae": "x"}', _refused)
    assert (
        "found nothing is called so at nmae; Field required at name; Field required at count and 2 more"
        in str(caught.value)
    )
