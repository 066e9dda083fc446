import zipfile

import numpy as np
import pytest
from hailo_parts import SIZE, small_onnx, write_hef

from cardembed._io import sha256_file
from cardembed.errors import ReleaseError
from cardembed.hailo.simulator.container import (
    Quant,
    calibrate,
    is_simulated,
    read_simulated_hef,
    write_simulated_hef,
)


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "a.simhef"
    written = write_simulated_hef(path, b"onnx", size=SIZE, output=(Quant(scale=0.5),), architecture="hailo8")
    manifest, onnx = read_simulated_hef(path.read_bytes())
    assert (manifest, onnx) == (written, b"onnx")
    assert manifest.simulated
    assert is_simulated(path)


def test_equal_networks_have_equal_bytes(tmp_path):
    assert sha256_file(write_hef(tmp_path / "a")) == sha256_file(write_hef(tmp_path / "b"))


def test_no_other_file_is_taken_for_one(tmp_path):
    real = tmp_path / "real.hef"
    real.write_bytes(b"\x01HEF" + bytes(52))
    assert not is_simulated(real)
    assert not is_simulated(tmp_path / "missing")
    assert not is_simulated(tmp_path)
    assert not write_hef(tmp_path / "a").read_bytes().startswith(b"\x01HEF")


def test_damage_is_found_and_nothing_else_is_raised(tmp_path):
    path = tmp_path / "a.simhef"
    write_simulated_hef(path, bytes(range(256)) * 4, size=SIZE, output=(Quant(),))
    data = path.read_bytes()
    rng = np.random.default_rng(8)
    good = read_simulated_hef(data)
    unnoticed = 0
    for place in rng.integers(0, len(data), 600):
        spoilt = bytearray(data)
        spoilt[place] ^= 1 << int(rng.integers(8))
        try:
            found = read_simulated_hef(bytes(spoilt))
        except ReleaseError:
            continue
        # What nobody reads, such as a date, may change; what is read may not.
        assert found == good
        unnoticed += 1
    assert unnoticed < 200
    for end in range(0, len(data), 37):
        with pytest.raises(ReleaseError):
            read_simulated_hef(data[:end])


def test_compressed_members_are_refused(tmp_path):
    path, packed = tmp_path / "a.simhef", tmp_path / "b.simhef"
    write_simulated_hef(path, small_onnx()[0], size=SIZE, output=(Quant(),))
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name))
    with pytest.raises(ReleaseError, match="compressed"):
        read_simulated_hef(packed.read_bytes())


@pytest.mark.parametrize("per_feature", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_calibration_covers_what_was_seen_within_half_a_step(bits, per_feature):
    values = np.random.default_rng(1).normal(size=(50, 12)) * np.arange(1, 13) + 3
    values[:, 5] = 0
    quants = calibrate(values, bits=bits, per_feature=per_feature)
    assert len(quants) == (12 if per_feature else 1)
    zero, scale = (np.array([getattr(q, name) for q in quants]) for name in ("zero_point", "scale"))
    steps = np.rint(values / scale + zero).clip(0, 2**bits - 1)
    # The zero point is a whole step, which moves the range's ends by up to half of one.
    assert (np.abs((steps - zero) * scale - values) <= scale * 1.01).all()
