import os
import struct
from pathlib import Path

import pytest
from hef_building import plain

from benchmarks._hef_files import HEADER_BYTES, seal
from cardembed.errors import ArtefactError
from cardembed.hef import container as module
from cardembed.hef.container import LAYOUTS, read_container

# Synthetic samples of the container format: real HailoRT opens the valid ones and refuses the corrupt one.
SAMPLES = Path(__file__).parents[2] / "fixtures" / "hef"


def write(tmp_path, content):
    file = tmp_path / "x.hef"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(("version", "kind"), [(1, "CRC-32"), (3, "XXH3-64")])
def test_a_sample_is_read_whole(version, kind):
    file = SAMPLES / f"valid_v{version}.hef"
    found = read_container(file)
    whole = file.read_bytes()
    assert (found.version, found.size) == (version, len(whole))
    assert found.message == whole[HEADER_BYTES[version] :][: struct.unpack_from(">I", whole, 8)[0]]
    assert LAYOUTS[version].checksum_kind == kind


def test_the_corrupt_sample_is_refused_for_its_checksum():
    with pytest.raises(ArtefactError, match="expected XXH3-64 2db7e32db1978fae, as its header says, found"):
        read_container(SAMPLES / "corrupt_v3.hef")


@pytest.mark.parametrize("version", range(4))
def test_every_version_is_read_and_every_bit_behind_its_header_counts(tmp_path, version):
    assert LAYOUTS[version].header_bytes == HEADER_BYTES[version]
    message = plain()
    whole = seal(version, message, b"configuration" * bool(version), b"more" * (version == 3))
    assert read_container(write(tmp_path, whole)).message == message
    for place in range(HEADER_BYTES[version], len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(ArtefactError, match=f"{LAYOUTS[version].checksum_kind} "):
            read_container(write(tmp_path, damaged))


@pytest.mark.parametrize("version", range(4))
def test_every_cut_and_every_byte_too_many_is_refused(tmp_path, version):
    whole = seal(version, plain(), b"configuration" * bool(version))
    for end in range(len(whole)):
        with pytest.raises(ArtefactError):
            read_container(write(tmp_path, whole[:end]))
    with pytest.raises(ArtefactError, match="as its header says"):
        read_container(write(tmp_path, whole + b"\0"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04 not a HEF", "found 504b0304"),
        (b"\x01HEF", "a whole header"),
        (b"\x01HEF" + struct.pack(">II", 4, 0), "version 0 to 3, found version 4"),
        (seal(1, b""), "a description of the network, found none"),
        (b"\x01HEF" + struct.pack(">IIQQIQQQ", 3, 0, 0, 5, 6, 0, 0, 0), "6 bytes of padding"),
        (b"\x01HEF" + struct.pack(">IIIQI", 1, 2**32 - 1, 0, 2**64 - 1, 0), "as its header says"),
    ],
)
def test_what_is_no_hef_is_refused_with_the_reason(tmp_path, content, reason):
    with pytest.raises(ArtefactError, match=reason):
        read_container(write(tmp_path, content))


def test_a_missing_file_a_folder_and_an_impossible_path_are_refused(tmp_path):
    for path, reason in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "a folder"),
        (Path("a\0b"), "no such file"),
    ):
        with pytest.raises(ArtefactError, match=reason):
            read_container(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.hef")
    with pytest.raises(ArtefactError, match="a folder or device"):
        read_container(tmp_path / "pipe.hef")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 2**20)
    file = tmp_path / "large.hef"
    with file.open("wb") as target:
        target.truncate(2**20 + 1)
    with pytest.raises(ArtefactError, match="at most 1 MB"):
        read_container(file)
