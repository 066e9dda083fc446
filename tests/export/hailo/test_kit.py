"""A kit holds all that the compiler needs, and the stand-in for the compiler makes a HEF of it."""

import ast
import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import standin_sdk

from cardembed._io import sha256_file
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import ExportError, PhotoSetError, UnavailableError, UsageError
from cardembed.export.hailo import compiler
from cardembed.export.hailo.kit import write_kit
from cardembed.export.hailo.manifest import read_compiled, read_kit
from cardembed.export.hailo.parser import check_for_parser, write_for_parser
from cardembed.export.hailo.script import model_script
from cardembed.export.hailo.sdk import compiler_installed, run_compiler
from cardembed.export.source import source_of_target, source_of_weights
from cardembed.models.weights import build_model, save_weights
from cardembed.release import Release


@pytest.fixture
def own(kit, tmp_path):
    return shutil.copytree(kit, tmp_path / "kit")


@pytest.fixture
def sdk(monkeypatch):
    def install(**changes):
        module = standin_sdk.module(**changes)
        monkeypatch.setitem(sys.modules, "hailo_sdk_client", module)
        return module

    return install


def test_what_lies_in_it(kit, few, random_release, development, like):
    manifest, _ = read_kit(kit)
    release = Release.load(random_release)
    assert (manifest.target, manifest.hw_arch, manifest.network) == ("hailo8l", "hailo8l", "convnext_atto")
    assert manifest.weights_sha256 == release.weights("hailo8l").sha256
    assert (manifest.release_digest, manifest.normalised) == (release.digest, "chip")
    listed = {*manifest.files, "kit.json", "SHA256SUMS"}
    assert {path.name for path in kit.iterdir()} == listed
    assert all(sha256_file(kit / name) == digest for name, digest in manifest.files.items())
    images = np.load(kit / "calibration.npy")
    assert (images.shape, images.dtype) == ((few, like.size, like.size, 3), np.uint8)
    shown = {record.sha256 for record in development.records}
    calibrated, compared = set(manifest.calibration.photos), set(manifest.evaluation.photos)
    assert calibrated | compared <= shown
    assert not calibrated & compared
    rows = np.load(kit / "embeddings.npy")
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_the_network_is_as_the_parser_takes_it(kit, like):
    graph = onnx.load(str(kit / "convnext_atto.onnx")).graph
    kinds = {node.op_type for node in graph.node}
    assert "GlobalAveragePool" in kinds
    assert not kinds & {"ReduceMean", "ReduceL2", "LpNormalization", "Reshape", "Shape"}
    session = onnxruntime.InferenceSession(
        str(kit / "convnext_atto.onnx"), providers=["CPUExecutionProvider"]
    )
    image = np.load(kit / "evaluation.npy")[0]
    (found,) = session.run(None, {"input": like.batch([image])})
    wanted = np.load(kit / "embeddings.npy")[0]
    assert abs(np.linalg.norm(found) - 1) > 0.01  # the host normalises
    assert found[0] @ wanted / np.linalg.norm(found) > 1 - 1e-6


def damaged(change):
    def make(path):
        model = onnx.load(str(path))
        change(model.graph)
        onnx.save(model, str(path))

    return make


def _kernels(graph):
    node = next(node for node in graph.node if node.op_type == "Conv")
    kept = [attribute for attribute in node.attribute if attribute.name != "kernel_shape"]
    del node.attribute[:]
    node.attribute.extend(kept)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda graph: setattr(graph.node[0], "name", ""), "named operations"),
        (_kernels, "kernel_shape"),
        (lambda graph: setattr(graph.node[0], "op_type", "Softsign"), "Softsign"),
        (
            lambda graph: setattr(graph.input[0].type.tensor_type.shape.dim[0], "dim_param", "n"),
            "fixed ports",
        ),
    ],
)
def test_what_the_parser_does_not_take_is_refused(kit, tmp_path, like, change, words):
    path = shutil.copy(kit / "convnext_atto.onnx", tmp_path / "net.onnx")
    damaged(change)(path)
    with pytest.raises(ExportError, match=words):
        check_for_parser(path, like.size, 768)


def test_an_attention_is_not_written(random_release, tmp_path):
    source = source_of_target(Release.load(random_release), "android")
    with pytest.raises(ExportError, match="operations that Hailo's parser takes"):
        write_for_parser(source, tmp_path / "vit.onnx")


def test_the_script_normalises_and_keeps_sums_wide():
    like = Preprocessing(224)
    text = model_script("net", like, layer_norms=True, calibration=1024, sixteen_bit=("output_layer1",))
    assert "normalization1 = normalization([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])\n" in text
    assert "model_optimization_config(calibration, batch_size=8, calibset_size=1024)\n" in text
    assert "quantization_param({net/ew_add*}, precision_mode=a16_w16)\n" in text
    assert "quantization_param(output_layer1, precision_mode=a16_w16)\n" in text
    assert "ew_add" not in model_script("net", like, layer_norms=False, calibration=1024)
    with pytest.raises(UsageError, match="names"):
        model_script("net", like, layer_norms=True, calibration=1024, sixteen_bit=("a)\nb(",))


def test_a_fallback_student_has_a_kit(development, few, tmp_path, sdk):
    model = build_model("reference", "hailo8l", seed=3, architecture="regnetx_002").eval()
    save_weights(model, tmp_path / "fallback.safetensors")
    source = source_of_weights(tmp_path / "fallback.safetensors")
    write_kit(source, tmp_path / "kit", development, count=few, evaluated=4)
    manifest, _ = read_kit(tmp_path / "kit")
    assert (manifest.network, manifest.release_digest) == ("regnetx_002", None)
    kinds = {node.op_type for node in onnx.load(str(tmp_path / "kit" / manifest.onnx)).graph.node}
    assert not kinds & {"LayerNormalization", "BatchNormalization", "Transpose"}
    assert "ew_add" not in (tmp_path / "kit" / manifest.script).read_text()
    sdk()
    assert run_compiler(tmp_path / "kit", lambda _: None).emulated["native"]["min"] > 1 - 1e-6


def test_the_commands_are_hailos(kit):
    lines = (kit / "compile.sh").read_text().splitlines()
    commands = [line.split()[:3] for line in lines if line.startswith("hailo ")]
    assert commands == [
        ["hailo", "parser", "onnx"],
        ["hailo", "optimize", "convnext_atto.har"],
        ["hailo", "compiler", "convnext_atto_optimized.har"],
    ]
    assert (kit / "compile.sh").stat().st_mode & 0o111
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=kit, check=True)
    subprocess.run(["sh", "-n", "compile.sh"], cwd=kit, check=True)


def test_compile_py_is_for_an_older_python_and_needs_no_cardembed(kit):
    text = (kit / "compile.py").read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert names - {"__future__"} <= {*sys.stdlib_module_names, "numpy"}
    done = subprocess.run(
        [sys.executable, "-I", "compile.py", "--only-check"],
        cwd=kit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "7 files as they were written\n")
    # Isolated (-I) from what is beside cardembed here, and from the compiler, should it be installed.
    hidden = (
        "import runpy, sys; sys.modules['hailo_sdk_client'] = None; sys.argv = ['compile.py']; "
        "runpy.run_path('compile.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", hidden], cwd=kit, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "install Hailo's Dataflow Compiler" in done.stderr


@pytest.mark.parametrize("wraps", [False, True])
def test_it_is_compiled_in_the_compilers_order(own, sdk, wraps):
    module = sdk(wraps=wraps)
    assert compiler_installed()
    said = []
    record = run_compiler(own, said.append)
    assert [call for call in module.ClientRunner.calls if not call.startswith("sdk_")] == [
        "ClientRunner", "translate_onnx_model", "load_model_script", "optimize", "compile",
    ]  # fmt: skip
    emulated = record.emulated
    assert emulated["native"]["min"] > 1 - 1e-6
    assert emulated["fp_optimized"]["min"] > 1 - 1e-5  # raw pixels, and the script's normalisation
    assert 0.99 < emulated["quantized"]["min"] < 1 - 1e-7
    assert all(one["min"] <= one["p5"] <= one["mean"] + 1e-12 for one in emulated.values())
    assert sha256_file(own / record.hef) == record.hef_sha256
    assert record == read_compiled(own)
    assert len(said) == 5


def test_another_network_is_noticed_before_hours_of_optimising(own, sdk):
    module = sdk(misread=True)
    with pytest.raises(ExportError, match="native: the network differs from the float student"):
        run_compiler(own, lambda _: None)
    assert "optimize" not in module.ClientRunner.calls
    assert not list(own.glob("*.hef"))


def test_a_script_that_normalises_in_another_way_is_not_compiled(own, sdk):
    module = sdk(skewed=60.0)
    with pytest.raises(ExportError, match=r"fp_optimized: the network differs .* mean and deviation"):
        run_compiler(own, lambda _: None)
    assert "compile" not in module.ClientRunner.calls
    assert not list(own.glob("*.hef"))


def test_a_network_that_eight_bits_cost_much_is_compiled_with_a_warning(own, sdk, capsys):
    sdk(levels=3)
    assert compiler.main(["--folder", str(own)]) == 0
    (warning,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: ")]
    assert "quantized: the network differs from the float student: smallest cosine" in warning
    assert read_compiled(own).emulated["quantized"]["min"] < 0.99


def test_a_changed_kit_is_not_compiled(own, sdk, capsys):
    sdk()
    (own / "calibration.npy").write_bytes(b"other")
    with pytest.raises(ExportError, match=r"calibration\.npy is missing, or not as it was written"):
        run_compiler(own, lambda _: None)
    assert compiler.main(["--folder", str(own)]) == 2
    assert "copy the whole kit again" in capsys.readouterr().err
    (own / "kit.json").write_text("[]")
    assert compiler.main(["--folder", str(own), "--only-check"]) == 2


def test_the_compilers_own_errors_are_one_line(own, sdk):
    def refuse(self, calibration):
        raise standin_sdk.ClientRunnerError("no such layer:\nconv99")

    sdk(optimize=refuse)
    with pytest.raises(ExportError, match="ClientRunnerError: no such layer: conv99") as error:
        run_compiler(own, lambda _: None)
    assert "\n" not in str(error.value)


def test_without_the_compiler_it_says_where_to_go(own, monkeypatch):
    monkeypatch.setitem(sys.modules, "hailo_sdk_client", None)
    assert not compiler_installed()
    with pytest.raises(UnavailableError, match=r"compile\.py"):
        run_compiler(own, lambda _: None)


def test_photos_that_decide_are_not_in_a_kit(random_release, development, few, tmp_path):
    source = source_of_target(Release.load(random_release), "hailo8l")
    with pytest.raises(PhotoSetError, match="on which a verdict is given"):
        write_kit(source, tmp_path / "kit", development, verdict=development, count=few, evaluated=4)
    assert not (tmp_path / "kit" / "kit.json").exists()


def test_the_same_photos_give_the_same_kit(random_release, kit, development, few, tmp_path):
    source = source_of_target(Release.load(random_release), "hailo8l")
    write_kit(source, tmp_path / "again", development, count=few, evaluated=4)
    files = json.loads((tmp_path / "again" / "kit.json").read_text())["files"]
    assert files == json.loads((kit / "kit.json").read_text())["files"]
