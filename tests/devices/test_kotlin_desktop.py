"""The parts of the Android app that need no Android, on a desktop's JVM."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from app_sources import KOTLIN

from cardembed._io import sha256_file
from cardembed.embedders.preprocessing import Preprocessing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("kotlinc") is None, reason="kotlinc is no Python package: apt install kotlin"
    ),
]
PARTS = ("Normalisation.kt", "Digests.kt", "Latency.kt", "DeviceRunException.kt")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    jar = tmp_path_factory.mktemp("kotlin") / "parts.jar"
    sources = [KOTLIN / name for name in PARTS] + [Path(__file__).parent / "desktop" / "Main.kt"]
    subprocess.run(["kotlinc", *sources, "-include-runtime", "-d", jar], check=True, capture_output=True)
    return jar


def test_kotlin_prepares_digests_and_counts_as_python_does(program, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (48, 48, 3), np.uint8)
    raw = tmp_path / "pixels"
    raw.write_bytes(pixels.tobytes())
    files = [tmp_path / "tensor", tmp_path / "unit"]
    command = ["java", "-cp", program, "dev.cardembed.device.MainKt", raw, *files]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    tensor, unit = (np.fromfile(file, "<f4") for file in files)
    expected = Preprocessing(48)(pixels).ravel()
    np.testing.assert_array_equal(tensor, expected)
    wide = expected.astype(np.float64)
    np.testing.assert_allclose(unit, wide / np.linalg.norm(wide), rtol=1e-6)
    assert said == [sha256_file(raw), sha256_file(raw), "14", "7"]  # 14 × 1.5 ms ≥ 20 ms; 7 are the most
