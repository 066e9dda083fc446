import pytest
from hef_building import context, core_op, data, doubles, edge, float32, group, layer, plain, root, uint

from benchmarks._hef_files import seal
from cardembed.errors import UnknownTargetError
from cardembed.hef import HefRequirement, judge_hef, read_hef, requirement

IN = edge(layer("in", (224, 224, 3)))
OUT = edge(layer("out", (1, 1, 768), 2), output=True)


@pytest.fixture
def judge(tmp_path):
    def inner(message, version=1, needed=None):
        file = tmp_path / "x.hef"
        file.write_bytes(seal(version, message))
        found = judge_hef(read_hef(file), needed or requirement("hailo8l"))
        return [(finding.kind, finding.subject, finding.message) for finding in found]

    return inner


def one(found, kind, subject, text):
    ((found_kind, found_subject, message),) = found
    assert (found_kind, found_subject) == (kind, subject)
    assert text in message


def network(*edges, **other):
    return root(group(core_op(context(*edges), **other)))


def test_the_requirement_is_the_profiles(judge):
    assert requirement("hailo8l") == HefRequirement("hailo8l", 224, 768, 25.0)
    assert requirement("hailo8l", profile="reference").input_size == 128
    assert requirement("hailo8l", input_size=96, embedding_dim=12) == HefRequirement("hailo8l", 96, 12)


def test_a_target_whose_artefact_is_no_hef_is_refused():
    with pytest.raises(UnknownTargetError, match="choose one of hailo8l"):
        requirement("android")
    with pytest.raises(UnknownTargetError, match="one of teacher"):
        requirement("nonsense")


def test_what_fits_has_no_findings(judge):
    assert judge(plain()) == []


def test_another_chip_does_not_fit(judge):
    one(judge(plain(architecture=0)), "misfit", "architecture", "compiled for hailo8; hailo8l runs only")


def test_other_shapes_do_not_fit(judge):
    one(judge(plain(input_shape=(3, 224, 224))), "misfit", "in", "224 × 224 × 3, found 3 × 224 × 224")
    one(judge(plain(output_shape=(7, 7, 768))), "misfit", "out", "1 × 1 × 768, found 7 × 7 × 768")
    one(judge(plain(), needed=requirement("hailo8l", profile="reference")), "misfit", "in", "128 × 128 × 3")


def test_one_input_one_output_one_network(judge):
    one(
        judge(network(IN, edge(layer("more", (224, 224, 3))), OUT)),
        "misfit",
        "net",
        "expected 1 input, found 2",
    )
    one(judge(network(IN)), "misfit", "net", "expected 1 output, found 0")
    inner = group(core_op(context(IN, OUT)))
    one(judge(root(inner, inner)), "misfit", "networks", "found 2")
    joined = uint(1, 0) + data(4, b"")
    one(judge(network(IN, OUT, joined)), "misfit", "net", "1 streams join several layers")


@pytest.mark.parametrize(
    ("numeric", "text"),
    [
        (float32(2, 0.0), "expected positive scales, found 0"),
        (float32(2, 1.0) + doubles(6, *[0.1] * 767, -0.1), "found -0.1 to 0.1"),
        (float32(2, 1.0) + doubles(6, *[0.1] * 700), "700 scales for 768 channels"),
        (float32(2, 1.0) + doubles(5, 1.0, 2.0), "2 zero-points for 768 channels"),
    ],
)
def test_an_output_that_cannot_be_dequantised_does_not_fit(judge, numeric, text):
    one(judge(network(IN, edge(layer("out", (1, 1, 768), 2, numeric), True))), "misfit", "out", text)


def test_scales_by_channel_are_enough_where_the_streams_own_is_zero(judge):
    numeric = float32(2, 0.0) + doubles(6, *[0.1] * 768) + doubles(5, *[3.0] * 768)
    assert judge(network(IN, edge(layer("out", (1, 1, 768), 2, numeric), True))) == []


def test_an_input_that_is_not_raw_pixels_is_warned_of(judge):
    numeric = float32(1, 128.0) + float32(2, 0.02)
    found = judge(network(edge(layer("in", (224, 224, 3), numeric=numeric)), OUT))
    one(found, "warning", "in", "found scale 0.02, zero-point 128")
    one(
        judge(network(edge(layer("in", (224, 224, 3), data_bytes=2)), OUT)),
        "warning",
        "in",
        "1 byte, found 2",
    )


@pytest.mark.parametrize(("fps", "warned"), [(40.001, False), (40.0, True), (12.5, True), (None, True)])
def test_a_bottleneck_of_25_ms_or_more_is_warned_of(judge, fps, warned):
    found = judge(plain(fps=fps))
    assert bool(found) == warned
    if warned:
        one(found, "warning", "net", "no bottleneck_fps" if fps is None else f"{1000 / fps:.3g} ms")


def test_several_contexts_are_warned_of(judge):
    one(judge(root(group(core_op(context(IN), context(OUT))))), "warning", "net", "2 contexts")


@pytest.mark.parametrize(("version", "minimum"), [(0, None), (1, None), (2, "4.20"), (3, "4.21")])
def test_a_container_that_old_runtimes_do_not_open_is_warned_of(judge, version, minimum):
    found = judge(plain(), version=version)
    assert bool(found) == (minimum is not None)
    if minimum:
        one(found, "warning", "container", f"HailoRT {minimum} or newer")


def test_misfits_come_first(judge):
    kinds = [kind for kind, _, _ in judge(plain(output_shape=(1, 1, 10), fps=1.0), version=3)]
    assert kinds == ["misfit", "warning", "warning"]
