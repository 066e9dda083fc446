"""Artefacts made to harm: each is a clear error within two seconds, whatever it asks for."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from cost_parts import MIB, costs_at_most

pytest.importorskip("torch")

from cardembed.coreml.description import read_description
from cardembed.coreml.fuzz_samples import make_samples
from cardembed.coreml.fuzzing import mutate, outcome, run
from cardembed.coreml.model import CoreMLModel
from cardembed.coreml.protos import parse_model
from cardembed.errors import ArtefactError

PROGRAM = Path("Data/com.apple.CoreML/model.mlmodel")


@pytest.fixture(scope="module")
def samples(tools, tmp_path_factory):
    return make_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def program(samples, tmp_path):
    """A package to spoil: its folder, its message, and a function that writes it back and loads it."""
    folder = tmp_path / "a.mlpackage"
    shutil.copytree(samples[0], folder)
    message = parse_model(folder, (folder / PROGRAM).read_bytes())

    def load():
        (folder / PROGRAM).write_bytes(message.SerializeToString())
        with costs_at_most(memory=100 * MIB):
            return CoreMLModel.load(folder)

    return folder, message, load


def operations(message):
    (function,) = message.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    return block.operations


def find(message, kind):
    return next(item for item in operations(message) if item.type == kind)


def constant(message, name):
    item = next(item for item in operations(message) if item.outputs[0].name == name)
    return item.attributes["val"]


def argument(message, item, name):
    return constant(message, item.inputs[name].arguments[0].name).immediateValue.tensor


def test_an_unknown_operation_is_named(program):
    _, message, load = program
    find(message, "gelu").type = "quantum_gelu"
    with pytest.raises(ArtefactError, match="quantum_gelu"):
        load()


@pytest.mark.parametrize(
    ("values", "pad"),
    [((2**30, 2**30, 2**30, 2**30), "custom"), ((-(2**31), 0, 0, 0), "custom"), ((1,), "custom")],
)
def test_a_convolution_with_absurd_padding(program, values, pad):
    _, message, load = program
    conv = find(message, "conv")
    kind = argument(message, conv, "pad_type")
    kind.strings.values[:] = [pad]
    name = conv.inputs["pad"].arguments[0].name
    value = constant(message, name)
    value.immediateValue.tensor.ints.values[:] = values
    value.type.tensorType.dimensions[0].constant.size = len(values)
    with pytest.raises(ArtefactError, match="conv"):
        load()


def test_a_small_result_of_an_absurdly_padded_input(program):
    # What is padded never becomes a value of the graph: with such strides, the result is small.
    _, message, load = program
    conv = find(message, "conv")
    argument(message, conv, "pad_type").strings.values[:] = ["custom"]
    for name, values in (("pad", (0, 2**16, 0, 2**16)), ("strides", (2**16, 2**16))):
        value = constant(message, conv.inputs[name].arguments[0].name)
        value.immediateValue.tensor.ints.values[:] = values
        value.type.tensorType.dimensions[0].constant.size = len(values)
    with pytest.raises(ArtefactError, match="intermediate shape"):
        load()


@pytest.mark.parametrize("shape", [(2**30, 2**20), (2**31 - 1, 2**31 - 1), (-1, -1), (1, 7)])
def test_absurd_reshapes(program, shape):
    _, message, load = program
    item = find(message, "reshape")
    name = item.inputs["shape"].arguments[0].name
    value = constant(message, name)
    value.immediateValue.tensor.ints.values[:] = shape
    value.type.tensorType.dimensions[0].constant.size = len(shape)
    with pytest.raises(ArtefactError, match="reshape"):
        load()


def make_tile(message, count):
    """The softmax becomes `count` doublings in each dimension."""
    source = find(message, "softmax")
    previous = source.inputs["x"].arguments[0].name
    repeats = [2**20] * 3 if count == 1 else [2] * 3
    const = operations(message).add()
    const.CopyFrom(
        next(
            item
            for item in operations(message)
            if item.outputs[0].name == source.inputs["axis"].arguments[0].name
        )
    )
    const.outputs[0].name = "reps"
    value = const.attributes["val"]
    value.type.tensorType.rank = 1
    value.type.tensorType.dimensions.add().constant.size = 3
    value.immediateValue.tensor.ints.values[:] = repeats
    made = [const]
    for index in range(count):
        item = type(source)()
        item.CopyFrom(source)
        item.type = "tile"
        del item.inputs["axis"]
        item.inputs["x"].arguments[0].name = previous
        item.inputs["reps"].arguments.add().name = "reps"
        previous = item.outputs[0].name = f"tile{index}"
        for size in item.outputs[0].type.tensorType.dimensions:
            size.unknown.variadic = False
        made.append(item)
    rest = [item for item in operations(message) if item is not const]
    copies = [type(item).FromString(item.SerializeToString()) for item in [*rest[:-1]]]
    added = [type(item).FromString(item.SerializeToString()) for item in made]
    del operations(message)[:]
    place = next(i for i, item in enumerate(copies) if item.type == "softmax")
    operations(message).extend([*copies[:place], *added, *copies[place:]])


@pytest.mark.parametrize("count", [1, 40])
def test_tiles_that_would_need_terabytes(program, count):
    _, message, load = program
    make_tile(message, count)
    with pytest.raises(ArtefactError, match="tile"):
        load()


def test_constants_that_share_a_blob_are_counted(program):
    _, message, load = program
    weight = next(item for item in operations(message) if item.attributes["val"].HasField("blobFileValue"))
    dimensions = weight.attributes["val"].type.tensorType.dimensions
    for size in dimensions:
        size.constant.size = 2**30
    with pytest.raises(ArtefactError, match="constants of at most"):
        load()


@pytest.mark.parametrize("offset", [1, 2**40, 2**64 - 1])
def test_blob_offsets_outside_of_the_file(program, offset):
    _, message, load = program
    weight = next(item for item in operations(message) if item.attributes["val"].HasField("blobFileValue"))
    weight.attributes["val"].blobFileValue.offset = offset
    with pytest.raises(ArtefactError):
        load()


@pytest.mark.parametrize("name", ["/etc/passwd", "@model_path/../../Manifest.json", "@model_path/weights"])
def test_blob_files_outside_of_the_package(program, name):
    _, message, load = program
    weight = next(item for item in operations(message) if item.attributes["val"].HasField("blobFileValue"))
    weight.attributes["val"].blobFileValue.fileName = name
    with pytest.raises(ArtefactError):
        load()


def test_nested_blocks_and_deep_messages(program):
    folder, message, load = program
    find(message, "gelu").blocks.add()
    with pytest.raises(ArtefactError, match="blocks"):
        load()
    inner = b""
    for _ in range(5000):  # 0x22: a block within an operation, 0x1a: an operation within a block
        inner = b"\x22" + _varint(len(inner)) + inner
        inner = b"\x1a" + _varint(len(inner)) + inner
        if len(inner) > 1 << 16:
            break
    head = b"\xb2\x1f"  # field 502, ML Program
    (folder / PROGRAM).write_bytes(head + _varint(len(inner)) + inner)
    assert outcome(folder) == "ArtefactError"


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


LAYERS, PROGRAM_FUNCTIONS, DESCRIPTION = b"\xa2\x1f", b"\xb2\x1f", b"\x12"  # fields 500, 502 and 2 of a Model


@pytest.mark.parametrize(
    ("field", "inner"),
    [
        (LAYERS, b"\x0a\x00" * 10_000_000),
        (PROGRAM_FUNCTIONS, b"\x12\x00" * 10_000_000),
        (DESCRIPTION, b"\x0a\x00" * 10_000_000),
        (LAYERS, b"\x12" + _varint(20_000_000) + b"\x0a\x00" * 10_000_000),  # models of their preprocessing
        (b"\xfa\x7f", bytes(20_000_000)),
    ],
    ids=["layers", "functions", "inputs", "preprocessing", "unknown"],
)
@pytest.mark.parametrize("packaged", [False, True], ids=["mlmodel", "mlpackage"])
def test_messages_are_counted_before_they_are_made(program, tmp_path, field, inner, packaged):
    folder, _, _ = program
    bomb = field + _varint(len(inner)) + inner
    artefact = folder if packaged else tmp_path / "a.mlmodel"
    (folder / PROGRAM if packaged else artefact).write_bytes(bomb)
    refused = pytest.raises(ArtefactError, match="more fields than any export has")
    with costs_at_most(memory=100 * MIB), refused:
        CoreMLModel.load(artefact)


def test_whole_numbers_that_take_eight_times_their_bytes_are_counted(program):
    folder, message, _ = program
    item = operations(message).add()
    item.type = "const"
    item.attributes["val"].immediateValue.tensor.longInts.values[:] = [1] * 2_000_000
    (folder / PROGRAM).write_bytes(message.SerializeToString())
    with pytest.raises(ArtefactError, match="more fields than any export has"):
        CoreMLModel.load(folder)


def test_truncated_programs(program):
    folder, message, _ = program
    data = message.SerializeToString()
    for end in range(0, len(data), max(1, len(data) // 40)):
        (folder / PROGRAM).write_bytes(data[:end])
        assert outcome(folder) == "ArtefactError"


def test_a_program_that_is_too_long(program):
    folder, _, _ = program
    with (folder / PROGRAM).open("wb") as file:
        file.truncate(1 << 36)  # sparse
    assert outcome(folder) == "ArtefactError"


def test_other_kinds_of_model(program):
    _, message, load = program
    message.glmRegressor.SetInParent()
    with pytest.raises(ArtefactError, match="glmRegressor"):
        load()


FORMS = {
    "table": "constexpr_lut_to_dense", "affine": "constexpr_affine_dequantize",
    "sparse": "constexpr_sparse_to_dense", "blockwise": "constexpr_blockwise_shift_scale",
    "attention": "scaled_dot_product_attention",
}  # fmt: skip


def test_the_samples_have_every_form_that_is_read(samples):
    named = {sample.stem: sample for sample in samples}
    for name, kind in FORMS.items():
        message = parse_model(named[name], (named[name] / PROGRAM).read_bytes())
        assert find(message, kind), name
    read = {name: read_description(sample).inputs[0] for name, sample in named.items()}
    assert [name for name, entry in read.items() if entry.image] == ["picture", "old_picture"]
    assert [name for name, entry in read.items() if entry.ranges] == ["flexible"]
    assert [name for name, entry in read.items() if entry.choices] == ["enumerated"]


def test_the_samples_themselves_run(samples):
    assert [outcome(sample) for sample in samples] == ["prediction"] * len(samples)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutants_end_in_a_prediction_or_an_error(samples, tmp_path, seed):
    ends = run(samples, 150, seed, tmp_path)
    assert {end for _, end in ends} == {"prediction", "read", "ArtefactError"}


def test_mutation_depends_on_the_seed_alone(samples):
    data = np.arange(256, dtype=np.uint8).tobytes()
    assert mutate(data, random.Random(4), data) == mutate(data, random.Random(4), data) != data


def test_two_inputs_of_one_name(program):
    _, message, load = program
    again = message.description.input.add()
    again.CopyFrom(message.description.input[0])
    again.type.multiArrayType.shape[2] = 1
    with pytest.raises(ArtefactError, match="each with a name of its own, found image, image"):
        load()


def test_an_empty_side_hides_no_other(program):
    _, message, load = program
    message.description.input[0].type.multiArrayType.shape[:] = [1 << 62, 0, 1 << 62, 16]
    with pytest.raises(ArtefactError, match="sizes that can be computed"):
        load()
