import stat
from pathlib import Path

import numpy as np
import pytest

from cardembed import _io
from cardembed._seeds import derive_seed, rng


def test_a_failed_write_leaves_what_was_there_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "a.json"
    _io.atomic_write_text(target, "before")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(_io.os, "fsync", refuse)
    with pytest.raises(OSError, match="disk full"):
        _io.atomic_write_text(target, "after")
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_key_is_written_readable_by_its_owner_only(tmp_path: Path):
    _io.atomic_write_bytes(tmp_path / "key", b"secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_json_refuses_nan_and_writes_nothing(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        _io.atomic_write_json(tmp_path / "a.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_canonical_json_ignores_key_order_and_keeps_values_apart():
    assert (
        _io.canonical_json({"b": 1, "a": "é"})
        == _io.canonical_json({"a": "é", "b": 1})
        == '{"a":"é","b":1}'.encode()
    )
    assert _io.canonical_json([1]) != _io.canonical_json(["1"])


def test_an_array_digest_sees_dtype_shape_and_values_but_not_memory_order():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert _io.sha256_array(array) == _io.sha256_array(np.asfortranarray(array))
    others = [array.astype(np.float64), array.reshape(3, 2), array + 1]
    assert len({_io.sha256_array(a) for a in [array, *others]}) == 4


def test_file_and_bytes_digests_agree(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    assert _io.sha256_file(tmp_path / "a") == _io.sha256_bytes(b"abc")
    assert _io.sha256_bytes(b"abc").startswith("ba7816bf")


def test_seeds_depend_on_every_part_its_kind_and_its_place():
    seeds = {
        derive_seed("a", 1),
        derive_seed("a", "1"),
        derive_seed(1, "a"),
        derive_seed("a"),
        derive_seed("a", 1, None),
    }
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert rng("a", 1).random() == rng("a", 1).random()
