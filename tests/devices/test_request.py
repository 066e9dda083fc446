"""Which file a device is asked to execute: the one that `pytest features/` judges."""

import shutil

import pytest

from cardembed._io import sha256_artefact
from cardembed.devices.request import deployed_artefact
from cardembed.embedders.registry import open_embedder
from cardembed.errors import DigestMismatchError
from cardembed.release import Artefact, Release
from cardembed.release_exports import copy_artefact


@pytest.fixture
def shipping(random_release, random_exports, tmp_path):
    """A release that ships all that android and ios deploy, the less usual form first."""
    release = Release.load(shutil.copytree(random_release, tmp_path / "release"))
    for name in ("android.ort", "android.onnx", "ios.mlmodel", "ios.mlpackage"):
        file = random_exports / name
        entry = copy_artefact(file, release.root, file.suffix[1:])
        release = release.with_artefact(file.stem, Artefact(**entry))
    return release.write()


@pytest.mark.parametrize(("target", "form"), [("android", "onnx"), ("ios", "mlpackage")])
def test_the_device_executes_what_is_judged(shipping, target, form):
    chosen = deployed_artefact(shipping, target)
    assert (chosen.format, chosen.path) == (form, shipping.root / f"{target}.{form}")
    with open_embedder(shipping, target) as embedder:
        assert embedder.artefact_digest == chosen.named_by == sha256_artefact(chosen.path)


@pytest.mark.parametrize("name", ["android.ort", "ios.mlmodel"])
def test_another_shipped_file_is_sent_where_it_is_named(shipping, name):
    file = shipping.root / name
    chosen = deployed_artefact(shipping, file.stem, file)
    assert (chosen.format, chosen.named_by) == (file.suffix[1:], sha256_artefact(file))


def test_other_bytes_than_promised_are_not_sent(shipping):
    file = shipping.root / "android.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(DigestMismatchError):
        deployed_artefact(shipping, "android")
