"""Artefact files opened on their own, on a network written by hand."""

import contextlib
import gc
import io
import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from cardembed._io import sha256_artefact, sha256_file
from cardembed.embedders.files import open_artefact
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.embedders.registry import open_embedder
from cardembed.errors import ArtefactError, InputError, ReleaseError, UsageError


def write(file, sides):
    weights = np.random.default_rng(0).standard_normal((3 * sides[0] * sides[1], 768)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, *sides])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 768])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    onnx.checker.check_model(model)
    return file


def test_an_onnx_file_tells_its_size(tmp_path):
    file = write(tmp_path / "model.onnx", (16, 16))
    with open_artefact(file) as embedder:
        assert embedder.preprocessing.size == 16
        assert embedder.artefact_digest == sha256_file(file)
        assert embedder.embed([Image.new("RGB", (180, 252), "red")]).shape == (1, 768)


def test_what_is_no_artefact(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no onnx")
    for file in (write(tmp_path / "oblong.onnx", (16, 8)), tmp_path / "broken.onnx"):
        with pytest.raises(InputError):
            open_artefact(file)
    for name in ("nowhere.onnx", "."):
        with pytest.raises(UsageError):
            open_artefact(tmp_path / name)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A package of one matrix, which states a preprocessing of its own."""
    pytest.importorskip("torch")
    tools = pytest.importorskip("coremltools")
    from coremltools.converters.mil import Builder

    weights = np.random.default_rng(0).standard_normal((3 * 16 * 16, 768)).astype(np.float32)

    def write(name, sides=(16, 16), **metadata):
        path = tmp_path_factory.mktemp("small") / f"{name}.mlpackage"
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")

            @Builder.program(input_specs=[Builder.TensorSpec(shape=(1, 3, *sides))])
            def program(image):
                flat = Builder.reshape(x=image, shape=(1, 3 * sides[0] * sides[1]))
                return Builder.matmul(x=flat, y=weights[: 3 * sides[0] * sides[1]], name="embedding")

            model = tools.convert(
                program, convert_to="mlprogram", compute_precision=tools.precision.FLOAT32,
                minimum_deployment_target=tools.target.iOS16, skip_model_load=True,
            )  # fmt: skip
            model.user_defined_metadata.update(metadata)
            model.save(str(path))
            del model
            gc.collect()  # its temporary folders warn when they go
        return path

    return write


def test_a_package_states_its_preprocessing(small):
    path = small("own", mean="0.5,0.25,0.125", std="0.5,0.5,0.5", interpolation="bilinear")
    with open_artefact(path) as embedder:
        stated = Preprocessing(16, (0.5, 0.25, 0.125), (0.5, 0.5, 0.5), "bilinear")
        assert (embedder.preprocessing, embedder.artefact_digest) == (stated, sha256_artefact(path))
        assert embedder.embed([Image.new("RGB", (180, 252), "red")]).shape == (1, 768)
    with open_artefact(small("usual")) as embedder:
        assert embedder.preprocessing == Preprocessing(16)


def test_a_package_that_cannot_be_fed_is_refused(small):
    with pytest.raises(ArtefactError, match="mean"):
        open_artefact(small("bad", mean="0.5"))
    with pytest.raises(ReleaseError, match="one input"):
        open_artefact(small("oblong", (16, 8)))


def test_the_command_embeds_by_a_package(run, small, random_release):
    path = small("cli")
    code, out, err = run("embed", path, "fixtures/photos/card.jpg", "--json")
    assert (code, err) == (0, "")
    assert sha256_artefact(path) in out
    code, _, err = run("embed", path, "fixtures/photos/card.jpg", "--target", "ios")
    assert (code, "a release directory with --target" in err) == (2, True)


@pytest.mark.parametrize("name", ["ios.mlpackage", "ios.mlmodel"])
def test_a_file_of_a_target_embeds_as_the_target_does(random_release, random_exports, name):
    card = Image.new("RGB", (180, 252), "red")
    with open_artefact(random_exports / name) as embedder:
        found = embedder.embed([card])
    with open_embedder(random_release, "ios", runtime="torch") as embedder:
        assert np.abs(found - embedder.embed([card])).max() < 1e-2
