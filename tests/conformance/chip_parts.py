"""A release, photos and features that the simulated chip is judged on in seconds, without PyTorch."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from cardembed._io import sha256_file
from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.cards.photo_render import render_photo_set
from cardembed.cards.photo_set import attach_teacher
from cardembed.conformance.evidence import read_bundle
from cardembed.hailo.simulator.faults import FAULTS_VARIABLE
from cardembed.release import Release

ROOT = Path(__file__).parents[2]
PLAN = PhotoPlan(
    clean=16, clean_second=16, occluded=16, glare=4, unknown=2, unknown_card=2, curve=0, zero_shot=0,
    zero_shot_occluded=0,
)  # fmt: skip
DEVICE_3 = """
@DEVICE-3
Feature: DEVICE-3 A device answers the same input with the same bytes

  Scenario Outline: <target>
    Given the artefact of the release on its device
    When embedding 4 photos of the photo set 3 times
    Then every time gives the same bytes

    Examples: targets
      | target  |
      | hailo8l |
"""


def write_release(folder, size):
    """A teacher that nobody can open, and hailo8l, on twelve cards."""
    folder.mkdir()
    for name in ("teacher", "hailo8l"):
        (folder / f"{name}.safetensors").write_bytes(f"weights of {name}".encode())
    catalogue = load_catalogue("synthetic:5:12")

    def entry(name):
        file = folder / f"{name}.safetensors"
        artefact = {"path": file.name, "sha256": sha256_file(file), "format": "safetensors"}
        return {
            "architecture": f"small {name}",
            "input_size": size,
            "artefacts": [{**artefact, "bytes": file.stat().st_size}],
            "match_threshold": 0.45,
        }

    content = {
        "schema_version": 1,
        "name": "small",
        "profile": "reference",
        "created": "2026-01-01T00:00:00Z",
        "catalogue": catalogue.reference,
        "catalogue_digest": catalogue.digest,
        "targets": {name: entry(name) for name in ("teacher", "hailo8l")},
    }
    (folder / "release.json").write_text(json.dumps(content))
    return Release.load(folder)


def write_photos(release, folder):
    """Its verdict photos, with a teacher's embeddings."""
    catalogue = load_catalogue(release.searched)
    photos = render_photo_set(catalogue, PLAN, split="verdict", seed=release.digest, out=folder, workers=1)
    rng = np.random.default_rng(2)
    rows = [rng.standard_normal((count, 768)) for count in (len(photos), len(catalogue))]
    unit = [row / np.linalg.norm(row, axis=1, keepdims=True) for row in rows]
    return attach_teacher(photos, *unit, release.weights("teacher").sha256)


def write_features(folder, *, queries=300, seconds=1):
    """The project's features that a chip is judged by, the latency over a shorter time, and DEVICE-3."""
    shutil.copytree(ROOT / "steps", folder / "steps", ignore=shutil.ignore_patterns("__pycache__"))
    features = folder / "features"
    features.mkdir()
    for name in ("conftest.py", "pytest.ini"):
        shutil.copy(ROOT / "features" / name, features)
    for room in ("acceptance", "models"):
        shutil.copytree(
            ROOT / "features" / room, features / room,
            ignore=shutil.ignore_patterns("__pycache__", "model2*"),
        )  # fmt: skip
    (features / "device").mkdir()
    shutil.copy(ROOT / "features" / "device" / "test_device.py", features / "device")
    (features / "device" / "device3.feature").write_text(DEVICE_3)
    speed = features / "acceptance" / "ac5_speed.feature"
    text, count = re.subn(
        r"1024 queries over at least 60 s", f"{queries} queries over at least {seconds} s", speed.read_text()
    )
    assert count == 1
    speed.write_text(text)
    return features


WITH_EXTRAS = ("torch", "torchvision", "timm", "onnxscript", "coremltools", "sklearn")
"""What cardembed's extras install, and a Raspberry Pi does not have."""


def hiding(folder, modules):
    """A `PYTHONPATH` under which no process, no worker either, can import these."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\n"  # None: cannot be imported
    )
    return os.pathsep.join((str(folder), str(ROOT)))


def base_install(folder):
    """A `PYTHONPATH` under which every process is as after `pip install cardembed`."""
    return hiding(folder, WITH_EXTRAS)


_NUMBERS = itertools.count()


class Job:
    """The Raspberry Pi's job in a process of its own."""

    def __init__(self, folder, hef, release, photos):
        self.folder, self.hef, self.release, self.photos = folder, hef, release, photos

    def command(self, *arguments, device=("--device", "simulator"), hef=True):
        self.report = self.folder / f"report{next(_NUMBERS)}"  # a killed job leaves half of one
        given = ["--hef", str(self.hef)] if hef else []
        return [
            sys.executable, "-m", "pytest", "features", "--target", "hailo8l", *device, *given,
            "--release", str(self.release.root), "--photos", str(self.photos.root),
            "--report", str(self.report), "-p", "no:hypothesispytest", *arguments,
        ]  # fmt: skip

    def environment(self, faults="", **more):
        return {**os.environ, FAULTS_VARIABLE: faults, "PYTHONPATH": str(ROOT), **more}

    def run(self, *arguments, faults="", env=None, **options):
        """Exit code, what it printed, and the predicate of its bundle (None without one)."""
        done = subprocess.run(
            self.command(*arguments, **options), cwd=self.folder, capture_output=True, text=True,
            env=self.environment(faults, **(env or {})), timeout=300, check=False,
        )  # fmt: skip
        there = (self.report / "evidence.dsse.json").is_file()
        return (
            done.returncode,
            done.stdout + done.stderr,
            read_bundle(self.report).predicate if there else None,
        )


def states(predicate):
    """State by criterion (with its aspect) of hailo8l."""
    return {
        cell.id.removesuffix("/hailo8l"): cell.state.value
        for cell in predicate.cells
        if cell.target == "hailo8l"
    }
