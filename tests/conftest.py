"""What several rooms' tests share: a cache of their own, and a small release with random weights."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from cardembed._io import sha256_file
from cardembed.doctor import usable_cpus

# Workers that each use every core spend most of their time waiting for each other. Set before PyTorch is
# imported.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_cpus() // WORKERS)))

TARGETS = ("teacher", "android", "ios", "hailo8l")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test reads or writes the user's cache or keys."""
    before = {name: os.environ.get(name) for name in ("CARDEMBED_CACHE", "CARDEMBED_CONFIG")}
    for name in before:
        os.environ[name] = str(tmp_path_factory.mktemp(name.rpartition("_")[2].lower()))
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def write_random_weights(folder: Path, target: str, seed: int = 7) -> Path:
    """Seeded weights of the reference profile, with biases that are not zero as those of fresh models are."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    from cardembed.models.weights import build_model, save_weights

    model = build_model("reference", target, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("bias"):
                value.copy_(0.2 * torch.randn(value.shape, generator=generator))
    file = folder / f"{target}.safetensors"
    save_weights(model, file)
    return file


def write_int8(folder: Path, target: str) -> Path:
    """Its weights quantised on noise: a release may ship that, and no test has to render photos for it."""
    import numpy as np

    from cardembed.embedders.preprocessing import Preprocessing
    from cardembed.export.hailo.int8 import quantise
    from cardembed.export.hailo.network import ChipNetwork, write_chip_onnx
    from cardembed.models.weights import load_weights

    model, pixels = load_weights(folder / f"{target}.safetensors"), np.random.default_rng(0)
    like = Preprocessing(model.input_size)
    source = folder / "float.onnx"
    write_chip_onnx(ChipNetwork(model, like, raw=True), like.size, source, batch=None)
    images = pixels.integers(0, 256, (16, like.size, like.size, 3), dtype=np.uint8)
    file = quantise(source, images, folder / f"{target}.int8.onnx")
    source.unlink()
    return file


def release_content(folder: Path, **other):
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.models.profiles import target_profile

    catalogue = load_catalogue("synthetic:5:12")
    targets = {}
    for target in TARGETS:
        file = folder / f"{target}.safetensors"
        artefact = {
            "path": file.name,
            "sha256": sha256_file(file),
            "format": "safetensors",
            "bytes": file.stat().st_size,
        }
        row = target_profile("reference", target)
        targets[target] = {
            "architecture": row.architecture.name,
            "input_size": row.input_size,
            "artefacts": [artefact],
            "match_threshold": 0.45,
        }
        quantised = folder / f"{target}.int8.onnx"
        if quantised.is_file():
            shipped = {"path": quantised.name, "sha256": sha256_file(quantised), "format": "int8"}
            targets[target]["artefacts"].append({**shipped, "bytes": quantised.stat().st_size})
    targets["server"] = {**targets["teacher"], "artefacts": [], "shares_weights_with": "teacher"}
    return {
        "schema_version": 1,
        "name": "random weights",
        "profile": "reference",
        "created": "2026-01-01T00:00:00Z",
        "catalogue": catalogue.reference,
        "catalogue_digest": catalogue.digest,
        "targets": targets,
        **other,
    }


@pytest.fixture(scope="session")
def random_release(tmp_path_factory) -> Path:
    """A release of the reference profile on twelve synthetic cards whose weights are random: read only."""
    folder = tmp_path_factory.mktemp("release")
    for target in TARGETS:
        write_random_weights(folder, target)
    write_int8(folder, "hailo8l")
    (folder / "release.json").write_text(json.dumps(release_content(folder)))
    return folder


@pytest.fixture(scope="session")
def random_exports(random_release, tmp_path_factory) -> Path:
    """Exports of that release's weights, as they are made before there is a release: read only."""
    pytest.importorskip("coremltools")
    from cardembed.export.coreml import CoreMLOptions, export_coreml
    from cardembed.export.onnx_variants import export_onnx
    from cardembed.export.ort import export_ort
    from cardembed.export.source import source_of_weights

    folder = tmp_path_factory.mktemp("exports")
    android = source_of_weights(random_release / "android.safetensors")
    export_onnx(android, folder / "android.onnx")
    export_ort(android, folder / "android.ort")
    ios = source_of_weights(random_release / "ios.safetensors")
    export_coreml(ios, folder / "ios.mlpackage")
    export_coreml(ios, folder / "ios.mlmodel", CoreMLOptions(format="mlmodel", precision="float32"))
    return folder


@pytest.fixture
def run(capsys):
    """The command line: its exit code, and what it printed on standard output and standard error."""
    from cardembed.cli import main

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run
