from pathlib import Path

import pytest
from hef_building import (
    context,
    core_op,
    data,
    doubles,
    edge,
    float32,
    float64,
    group,
    layer,
    name,
    plain,
    root,
    uint,
)

from benchmarks._hef_files import seal
from cardembed.errors import ArtefactError
from cardembed.hef import read_hef

# Synthetic samples of the container format.
SAMPLES = Path(__file__).parents[2] / "fixtures" / "hef"
IN = edge(layer("in", (8, 8, 3)))
OUT = edge(layer("out", (1, 1, 4), 2), output=True)


@pytest.fixture
def read(tmp_path):
    def inner(message):
        file = tmp_path / "x.hef"
        file.write_bytes(seal(3, message))
        return read_hef(file)

    return inner


@pytest.mark.parametrize(("version", "minimum"), [(1, None), (3, "4.21")])
def test_a_sample_says_what_it_holds(version, minimum):
    hef = read_hef(SAMPLES / f"valid_v{version}.hef")
    assert (hef.container, hef.minimum_hailort) == (version, minimum)
    assert (hef.architecture, hef.sdk_version, hef.timestamp) == ("hailo8l", "3.33.1", 1_700_000_000)
    assert "OUTPUT_SCALE_PER_FEATURE" in hef.extensions
    (network,) = hef.network_groups
    assert (network.name, network.placements) == ("card_embedder", 2)
    (core,) = network.core_ops  # both placements state the same
    assert (core.contexts, core.bottleneck_fps, core.simulated_latency, core.closed) == (1, 41.5, 0.031, 0)
    (source,) = core.inputs
    assert (source.name, source.original_names) == ("card_embedder/input_layer1", ("input",))
    assert (source.shape, source.padded_shape, source.order) == ((224, 224, 3), (224, 224, 3), "NHCW")
    assert (source.quantisation.scale, source.quantisation.zero_point) == (1, 0)
    (result,) = core.outputs
    assert (result.name, result.original_names) == ("card_embedder/fc1", ("embedding",))
    assert (result.shape, result.order, result.data_bytes) == ((1, 1, 768), "NC", 1)
    quantisation = result.quantisation
    assert (quantisation.scale, quantisation.zero_point) == (pytest.approx(0.0125), 127)
    assert (quantisation.minimum, quantisation.maximum) == (pytest.approx(-1.5875), pytest.approx(1.6))
    assert (len(quantisation.scales), set(quantisation.scales)) == (768, {0.0125})
    assert (len(quantisation.zero_points), set(quantisation.zero_points)) == (768, {127})


def test_layers_between_contexts_are_no_streams(read):
    between = edge(layer("between", (4, 4, 8)), output=True, connection=1)
    hef = read(root(group(core_op(context(IN, between), context(OUT)))))
    (core,) = hef.network_groups[0].core_ops
    assert core.contexts == 2
    assert [stream.name for stream in core.inputs + core.outputs] == ["in", "out"]


def test_a_stream_of_several_contexts_is_one(read):
    (core,) = read(root(group(core_op(context(IN), context(IN, OUT))))).network_groups[0].core_ops
    assert (core.contexts, len(core.inputs), len(core.outputs)) == (2, 1, 1)


def test_an_edge_without_connection_is_at_the_host_and_one_without_layer_is_counted(read):
    bare = uint(1, 0) + data(3, layer("bare", (2, 2, 2)))
    joined = uint(1, 1) + data(4, name(1, "several layers"))
    (core,) = read(root(group(core_op(context(bare, joined))))).network_groups[0].core_ops
    assert (core.inputs[0].name, core.outputs, core.closed) == ("bare", (), 1)


def test_placements_are_read_for_the_8l_alone(read):
    def op(architecture):
        placed = [core_op(context(IN), called="one"), core_op(context(IN, OUT), called="two")]
        whole = core_op(context(), called="whole") + b"".join(data(7, data(1, inner)) for inner in placed)
        (found,) = read(root(group(whole), architecture=architecture)).network_groups
        assert found.placements == len(found.core_ops)
        return [core.name for core in found.core_ops]

    assert op(3) == ["one", "two"]
    assert op(0) == ["whole"]


def test_a_network_without_ops_holds_the_fields_itself(read):
    old = data(1, name(1, "old")) + data(3, context(IN, OUT))
    (network,) = read(root(old, architecture=0)).network_groups
    assert (network.name, network.core_ops[0].name) == ("old", "old")
    assert network.core_ops[0].outputs[0].shape == (1, 1, 4)


def test_the_name_is_the_first_placements_then_the_networks_then_the_groups(read):
    ops = group(core_op(context(IN)), called="by group")
    assert read(root(ops)).network_groups[0].name == "by group"
    ops += data(1, name(1, "by network"))
    assert read(root(ops)).network_groups[0].name == "by network"
    ops += data(7, data(1, data(1, name(1, "by placement"))))
    assert read(root(ops)).network_groups[0].name == "by placement"


@pytest.mark.parametrize(
    ("code", "called"), [(0, "hailo8"), (4, "hailo15m"), (103, "hailo15h"), (77, "architecture 77")]
)
def test_architectures_by_number(read, code, called):
    assert read(plain(architecture=code)).architecture == called


def test_what_is_not_stated_has_a_value_that_says_so(read):
    bare = name(1, "in") + data(2, uint(1, 2) + uint(3, 2) + uint(5, 3) + uint(7, 9))
    hef = read(data(1, b"") + data(2, group(data(3, context(data(3, bare))), called="")))
    (core,) = hef.network_groups[0].core_ops
    assert (hef.architecture, hef.sdk_version, hef.timestamp, hef.extensions) == ("hailo8", "", 0, ())
    assert (core.name, core.bottleneck_fps, core.simulated_latency) == ("", None, None)
    (stream,) = core.inputs
    assert (stream.order, stream.padded_shape, stream.data_bytes) == ("format 9", (2, 2, 3), 0)
    assert (stream.quantisation.scale, stream.quantisation.scales) == (0, ())


def test_doubles_one_by_one_are_the_same_as_packed(read):
    numeric = float64(6, 0.5) + float64(6, 0.25) + doubles(6, 0.125)
    message = root(group(core_op(context(edge(layer("in", (1, 1, 3), numeric=numeric))))))
    assert read(message).network_groups[0].core_ops[0].inputs[0].quantisation.scales == (0.5, 0.25, 0.125)


def in_stream(numeric=None, shape=(8, 8, 3), called="in", extra=b""):
    return root(group(core_op(context(edge(layer(called, shape, numeric=numeric, extra=extra))))))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\xff", "ends outside"),
        (b"\x80" * 5 + b"\x01", "more than 5 bytes"),
        (b"\x0a" + b"\x80" * 6, "more than 5 bytes"),
        (b"\x08" + b"\xff" * 11, "more than 10 bytes"),
        (data(2, b"")[:1] + b"\x05ab", "ends outside"),
        (b"\x09\0", "ends outside"),
        (b"\x00\x00", "field of number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x0f", "wire type 7"),
        (group(core_op()), "no header"),
        (root(), "no network"),
        (root(group()), None),
        (root(data(8, data(5, b""))), "without anything that runs"),
        (plain() + data(1, uint(1, 0)), "2 messages in field 1"),
        (in_stream(shape=(0, 8, 3)), "a shape of 0 × 8 × 3"),
        (in_stream(shape=(2**20 + 1, 1, 1)), "a shape of 1048577 × 1 × 1"),
        (in_stream(shape=(2**20, 2**12, 1)), "a shape of 1048576 × 4096 × 1"),
        (in_stream(numeric=float32(2, float("nan"))), "not finite"),
        (in_stream(numeric=doubles(6, 1.0, float("inf"))), "not finite"),
        (in_stream(numeric=data(6, b"1234567")), "doubles in 7 bytes"),
        (in_stream(called=""), "without a name"),
        (in_stream(called="\x1b[2J"), "cannot be printed"),
        (in_stream(called="\u202egnp"), "cannot be printed"),
        (in_stream(called="n" * 1025), "a name of 1025 bytes"),
        (in_stream(extra=data(5, b"\xff\xfe")), "not UTF-8"),
        (plain(fps=-3.0), "an estimate of -3"),
        (plain(fps=5e-324), "an estimate of"),
        (plain(fps=float("nan")), "not finite"),
    ],
)
def test_a_description_that_cannot_be_is_refused_with_the_reason(read, message, reason):
    if reason is None:
        assert read(message).network_groups[0].core_ops[0].contexts == 0
        return
    with pytest.raises(ArtefactError, match=reason):
        read(message)
