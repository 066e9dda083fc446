import json

import numpy as np
import pytest

pytest.importorskip("coremltools")

from cardembed._io import sha256_bytes, sha256_tree
from cardembed.errors import ArtefactError, ExportError, UsageError
from cardembed.export.coreml import CoreMLOptions, export_coreml
from cardembed.export.coreml_check import Contract, check_coreml, read_contract
from cardembed.export.record import Port
from cardembed.export.source import source_of_target
from cardembed.release import Release


@pytest.fixture(scope="module")
def source(random_release):
    return source_of_target(Release.load(random_release), "hailo8l")


@pytest.fixture(scope="module")
def package(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("coreml") / "model.mlpackage"
    return path, export_coreml(source, path)


def test_a_package_states_float32_ports_for_ios_16(package, source):
    path, record = package
    contract, metadata = read_contract(path)
    assert contract == Contract(
        7,
        "mlProgram",
        (Port("input", "float32", (1, 3, 128, 128)),),
        (Port("embedding", "float32", (1, 768)),),
    )
    assert 0 < record.agreement["one_minus_cosine"] < 1e-4
    assert metadata["weights_sha256"] == source.weights_sha256
    assert metadata["release_digest"] == source.release_digest
    assert metadata["license"] == "Apache-2.0"
    assert record.sha256 == sha256_tree(path)
    assert [item.name for item in path.parent.iterdir()] == ["model.mlpackage"]


def test_equal_weights_give_equal_bytes_and_replace_what_lay_there(package, source, tmp_path):
    path = tmp_path / "model.mlpackage"
    path.mkdir()
    (path / "old").write_text("left over")
    assert export_coreml(source, path).sha256 == package[1].sha256
    assert not (path / "old").exists()


@pytest.mark.parametrize(
    ("options", "port", "specification"),
    [
        (CoreMLOptions(input="image", precision="float32"), Port("image", "image RGB", (128, 128)), 7),
        (CoreMLOptions(max_batch=64), Port("input", "float32", ("1..64", 3, 128, 128)), 7),
        (CoreMLOptions(format="mlmodel"), Port("input", "float32", (1, 3, 128, 128)), 4),
        (
            CoreMLOptions(format="mlmodel", precision="float32", input="image"),
            Port("image", "image RGB", (128, 128)),
            4,
        ),
    ],
    ids=["picture", "flexible batch", "mlmodel", "mlmodel of a picture"],
)
def test_variants_state_their_input(*, source, tmp_path, capsys, options, port, specification):
    path = tmp_path / f"model.{options.format}"
    record = export_coreml(source, path, options)
    assert record.agreement["inputs"] == 3
    assert record.agreement["one_minus_cosine"] < (1e-10 if options.precision == "float32" else 1e-4)
    assert record.inputs == (port,)
    assert record.version == f"specification {specification}"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["mlpackage", "mlmodel"])
def test_the_record_lists_numbers_that_float16_hardly_holds(source, tmp_path, form):
    path = tmp_path / f"m.{form}"
    found = export_coreml(source, path, CoreMLOptions(format=form)).subnormal
    rounded = {float(np.float16(eps)) for eps in (1e-6, 2.0**-24)}
    assert set(found.values()) == rounded
    wide = export_coreml(source, path, CoreMLOptions(format=form, precision="float32"))
    assert wide.subnormal == {}


@pytest.mark.parametrize(("how", "ratio"), [("int8", 0.55), ("palette4", 0.3)])
def test_compressed_packages_are_smaller(source, tmp_path, how, ratio):
    record = export_coreml(source, tmp_path / "model.mlpackage", CoreMLOptions(compress=how))
    assert record.against_float["bytes_ratio"] < ratio
    assert record.quantisation == how
    assert record.agreement is None
    assert 0 < record.against_float["agreement"]["one_minus_cosine"] < 0.5


def test_another_contract_or_other_metadata_is_refused(package):
    path, _ = package
    contract, metadata = read_contract(path)
    check_coreml(path, contract, metadata)
    with pytest.raises(ExportError, match="metadata"):
        check_coreml(path, contract, {**metadata, "mean": "0,0,0"})
    other = Contract(7, "mlProgram", (Port("input", "float16", (1, 3, 128, 128)),), contract.outputs)
    with pytest.raises(ExportError, match="float16"):
        check_coreml(path, other, metadata)


@pytest.mark.parametrize(
    "options",
    [
        CoreMLOptions(format="mlmodel", compress="int8"),
        CoreMLOptions(input="image", max_batch=4),
        CoreMLOptions(max_batch=0),
        CoreMLOptions(format="mlmodel", max_batch=4),
    ],
)
def test_options_that_contradict_each_other_are_refused(source, tmp_path, options):
    with pytest.raises(UsageError):
        export_coreml(source, tmp_path / f"model.{options.format}", options)


def test_a_linked_file_in_a_package_has_no_digest(tmp_path):
    (tmp_path / "file").write_text("a")
    digest = sha256_tree(tmp_path)
    line = sha256_bytes(b"a").encode() + b"  file\n"
    assert digest == sha256_bytes(line)
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(ArtefactError, match="link"):
        sha256_tree(tmp_path)


def test_the_command_writes_a_record_beside_the_package(run, random_release, tmp_path):
    out = tmp_path / "m.mlpackage"
    options = ("--release", random_release, "--target", "hailo8l", "--out", out, "--json")
    code, text, err = run("export", "coreml", *options)
    assert code == 0, err
    printed = json.loads(text)
    assert printed["sha256"] == sha256_tree(out)
    assert json.loads((tmp_path / "m.mlpackage.json").read_text())["sha256"] == printed["sha256"]


def test_a_compression_that_fails_says_of_which_model(source, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no numbers")

    monkeypatch.setattr("cardembed.export.coreml.palette", fail)
    path = tmp_path / "model.mlpackage"
    with pytest.raises(ExportError, match="compress to palette4, found ValueError: no numbers"):
        export_coreml(source, path, CoreMLOptions(compress="palette4"))
    assert not list(tmp_path.iterdir())
