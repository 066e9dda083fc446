"""What a program needs of the system: specification version, opset and storage as coremltools writes them."""

import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("coremltools")

from cardembed._io import sha256_artefact  # noqa: E402 - after what may be missing
from cardembed.coreml.compressed import decompress  # noqa: E402 - as above
from cardembed.coreml.description import read_description  # noqa: E402 - as above
from cardembed.coreml.model import CoreMLModel  # noqa: E402 - as above
from cardembed.coreml.operations.registry import operations  # noqa: E402 - as above
from cardembed.coreml.opset import NEWER, SYSTEMS  # noqa: E402 - as above
from cardembed.coreml.protos import parse_model  # noqa: E402 - as above
from cardembed.embedders.coreml import CoreMLEmbedder  # noqa: E402 - as above
from cardembed.embedders.preprocessing import Preprocessing  # noqa: E402 - as above
from cardembed.errors import ArtefactError  # noqa: E402 - as above


def changed(package, folder, change):
    """A copy of a package whose `Model` message was changed."""
    copy = shutil.copytree(package, folder / "changed.mlpackage")
    file = copy / "Data/com.apple.CoreML/model.mlmodel"
    model = parse_model(file, file.read_bytes())
    change(model, model.mlProgram.functions["main"])
    file.write_bytes(model.SerializeToString())
    return copy


def with_opset(opset):
    def change(_, function):
        function.block_specializations[opset].CopyFrom(function.block_specializations[function.opset])
        function.opset = opset

    return change


def with_version(version):
    return lambda model, _: setattr(model, "specificationVersion", version)


def with_operation(kind):
    def change(_, function):
        block = function.block_specializations[function.opset]
        next(one for one in block.operations if one.type == "gelu").type = kind

    return change


def test_the_opsets_are_those_of_coremltools(tools):
    from coremltools import _OPSET

    assert {version: opset for version, (_, opset) in SYSTEMS.items()} == _OPSET


def test_the_newer_operations_are_those_of_coremltools(tools):
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    first = {name: min(row).value for name, row in SSAOpRegistry.core_ops.items()}
    oldest = min(first.values())
    assert {name: version for name, version in first.items() if version > oldest and known(name)} == NEWER


def known(name):
    try:
        return name in operations() or decompress(name, {}, 0) is not None
    except KeyError:  # an argument is missing, so that it has a function
        return True


@pytest.mark.parametrize(("version", "system"), [(v, SYSTEMS[v][0]) for v in SYSTEMS if v >= 6])
def test_what_coremltools_writes_for_each_system_loads(tools, convert, tmp_path, version, system):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 3), torch.nn.GELU(), torch.nn.Conv2d(64, 8, 3)).eval()
    target = getattr(tools.target, system.replace(" ", ""))
    path = convert(model, tmp_path / "a.mlpackage", (1, 3, 16, 16), minimum_deployment_target=target)
    said = CoreMLModel.load(path).description
    assert (said.specification_version, said.opset) == (version, SYSTEMS[version][1])


def test_the_deployment_target_is_said_by_both(packages):
    said = read_description(packages("ios"))
    assert (said.specification_version, said.opset) == (7, "CoreML6")
    assert read_description(packages("ios", format="mlmodel")).opset == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_opset("CoreML8"), "expected the opset CoreML6"),
        (with_opset("CoreML5"), "expected the opset CoreML6"),
        (with_opset(""), "expected the opset CoreML6"),
        (with_version(8), "expected the opset CoreML7"),
        (with_version(5), "specification 6 to 10"),
        (with_version(11), "specification 6 to 10"),
        (with_operation("scaled_dot_product_attention"), "which came with iOS 18"),
    ],
)
def test_a_program_that_would_not_load_where_it_says(packages, tmp_path, change, said):
    path = changed(packages("ios"), tmp_path, change)
    for read in (read_description, CoreMLModel.load):
        with pytest.raises(ArtefactError, match=said):
            read(path)
    digest = sha256_artefact(path)
    with pytest.raises(ArtefactError, match=said):
        CoreMLEmbedder(
            path, target="ios", sha256=digest, artefact_digest=digest, preprocessing=Preprocessing(128)
        )


@pytest.mark.parametrize("place", range(8))
def test_a_wrong_byte_in_the_storages_header_is_seen(packages, tmp_path, place):
    copy = shutil.copytree(packages("ios"), tmp_path / "a.mlpackage")
    CoreMLModel.load(copy)
    weights = copy / "Data/com.apple.CoreML/weights/weight.bin"
    content = bytearray(weights.read_bytes())
    content[place] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ArtefactError, match="records" if place < 4 else "version 2"):
        CoreMLModel.load(copy)
