"""Exports that lie beside weights: shipped only where they are of these weights and can be executed."""

import shutil

import onnx
import pytest

from cardembed._io import sha256_artefact
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ArtefactError, ReleaseError
from cardembed.export.onnx import describe
from cardembed.release_exports import copy_artefact, exports_beside

pytest.importorskip("torch")

SIZE = Preprocessing(128)


@pytest.fixture
def weights(random_release, random_exports, tmp_path):
    """A folder of weights with their exports."""
    folder = shutil.copytree(random_exports, tmp_path / "weights")
    for target in ("teacher", "android", "ios"):
        shutil.copy(random_release / f"{target}.safetensors", folder)
    return folder


def beside(folder, target, size=SIZE):
    return exports_beside(folder / f"{target}.safetensors", target, size)


def metadata(file, **other):
    said = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    describe(file, {key: value for key, value in {**said, **other}.items() if value is not None})


def test_exports_of_the_weights_are_found(weights):
    assert beside(weights, "android") == [
        (weights / "android.onnx", "onnx"),
        (weights / "android.ort", "ort"),
    ]
    assert beside(weights, "ios") == [
        (weights / "ios.mlpackage", "mlpackage"), (weights / "ios.mlmodel", "mlmodel"),
    ]  # fmt: skip
    assert beside(weights, "teacher") == []


@pytest.mark.parametrize("name", ["android.onnx", "android.ort", "ios.mlpackage", "ios.mlmodel"])
def test_exports_of_other_weights_are_refused(weights, name):
    target = name.partition(".")[0]
    for file in weights.glob(f"{target}.*"):
        if file.suffix != ".safetensors" and file.name != name:
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    shutil.copy(weights / "teacher.safetensors", weights / f"{target}.safetensors")
    with pytest.raises(ReleaseError, match="weights_sha256") as error:
        beside(weights, target)
    assert "cardembed export" in error.value.action
    assert str(weights / name) in error.value.action


def test_an_export_that_does_not_say_of_which_weights_is_refused(weights):
    metadata(weights / "android.onnx", weights_sha256=None)
    with pytest.raises(ReleaseError, match="found nothing"):
        beside(weights, "android")


@pytest.mark.parametrize("other", [{"mean": "0.5,0.5,0.5"}, {"input_size": "96"}])
def test_an_export_with_another_preprocessing_is_refused(weights, other):
    metadata(weights / "android.onnx", **other)
    with pytest.raises(ReleaseError, match=next(iter(other))):
        beside(weights, "android")


def test_what_cannot_be_executed_is_refused(weights):
    file = weights / "android.onnx"
    model = onnx.load(file)
    for side in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        side.dim_value = 64
    file.write_bytes(model.SerializeToString())
    with pytest.raises((ReleaseError, ArtefactError)):
        beside(weights, "android")
    for name in ("android.onnx", "android.ort", "ios.mlmodel", "ios.mlpackage/Manifest.json"):
        (weights / name).write_bytes(b"exported elsewhere")
        with pytest.raises(ArtefactError):
            beside(weights, name.partition(".")[0])
        if name == "android.onnx":
            file.unlink()


def test_what_the_target_does_not_deploy_is_refused(weights):
    (weights / "android.onnx").rename(weights / "ios.onnx")
    with pytest.raises(ReleaseError, match="mlpackage, mlmodel"):
        beside(weights, "ios")
    (weights / "teacher.ort").mkdir()
    with pytest.raises(ReleaseError, match="none of these"):
        beside(weights, "teacher")
    (weights / "android.onnx").mkdir()
    with pytest.raises(ReleaseError, match="a folder"):
        beside(weights, "android")


@pytest.mark.parametrize(
    ("gone", "left"), [("android.onnx", "android.ort"), ("ios.mlpackage", "ios.mlmodel")]
)
def test_what_the_features_would_fail_is_refused_before(weights, gone, left):
    file = weights / gone
    shutil.rmtree(file) if file.is_dir() else file.unlink()
    with pytest.raises(ReleaseError, match=f"{left} alone") as error:
        beside(weights, gone.partition(".")[0])
    assert error.value.action.endswith(f"--out {file}")


@pytest.mark.parametrize("name", ["android.onnx", "ios.mlpackage"])
def test_a_file_that_takes_pictures_is_an_extra_at_most(weights, name):
    from cardembed.export.coreml import CoreMLOptions, export_coreml
    from cardembed.export.onnx_variants import OnnxOptions, export_onnx
    from cardembed.export.source import source_of_weights

    target, file = name.partition(".")[0], weights / name
    source = source_of_weights(weights / f"{target}.safetensors")
    if target == "android":
        export_onnx(source, file, OnnxOptions(input="image"))
    else:
        shutil.rmtree(file)
        export_coreml(source, file, CoreMLOptions(input="image"))
    with pytest.raises(ReleaseError, match="its input is 'image'") as error:
        beside(weights, target)
    assert "without --input" in error.value.action


def test_other_opsets_are_refused(weights):
    file = weights / "android.onnx"
    model = onnx.load(file)
    model.opset_import.add(domain="com.microsoft", version=1)
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ReleaseError, match=r"com\.microsoft opset 1, not ONNX opset 17"):
        beside(weights, "android")


def test_a_package_is_copied_as_it_is(weights, tmp_path):
    (tmp_path / "out").mkdir()
    entry = copy_artefact(weights / "ios.mlpackage", tmp_path / "out", "mlpackage")
    assert entry["sha256"] == sha256_artefact(tmp_path / "out" / "ios.mlpackage")
    files = [file for file in (weights / "ios.mlpackage").rglob("*") if file.is_file()]
    assert entry["bytes"] == sum(file.stat().st_size for file in files)
    (weights / "ios.mlpackage" / "link").symlink_to("Manifest.json")
    with pytest.raises(ArtefactError, match="link"):
        copy_artefact(weights / "ios.mlpackage", tmp_path, "mlpackage")
