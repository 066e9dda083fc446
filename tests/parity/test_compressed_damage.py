"""Compressed weights are damaged where they lie, and the table says what the retrieval limits see of it."""

import numpy as np
import pytest
from PIL import Image

from cardembed.coreml.dtypes import unpack_bits
from cardembed.errors import ExportError
from cardembed.parity.check import Outcome
from cardembed.parity.mutations import COMPRESSION, MUTATIONS
from cardembed.parity.mutations.compressed import behind_palette, behind_scale, pack_bits
from cardembed.parity.mutations.copies import Numbers
from cardembed.parity.mutations.table import FORMATS
from cardembed.parity.retrieval import COMPRESSED, COMPRESSED_FEATURES, RetrievalClass
from cardembed.parity.routes import ROUTES, routes_of
from cardembed.parity.self_test import self_test

TRIED = {
    "a GELU is approximated", "a LayerNorm's eps is ten times", "a scale is doubled",
    "a zero point is 16 off", "a range is half as wide",
}  # fmt: skip
BY_NAME = {mutation.name: mutation for mutation in (*MUTATIONS, *COMPRESSION)}


def held(array):
    """Numbers in memory, and where they are looked at."""
    place = [array]
    return Numbers("n", array.shape, lambda: place[0], lambda new: place.__setitem__(0, new)), place


def test_integers_are_read_and_written_as_what_they_stand_for():
    integers = np.array([[-3, 0, 7], [5, -128, 127]], np.int8)
    stored, place = held(integers)
    for axis, scale, zero in (
        (0, np.array([0.5, 2], np.float32), np.array([1, -2], np.int8)),
        (1, np.array([0.5, 2, 4], np.float32), np.array([0, 3, -1], np.int8)),
        (0, np.array(0.25, np.float32), np.array(0, np.int8)),
    ):
        place[0] = integers
        along = (-1, 1) if axis == 0 else (1, -1)
        factor, shift = (part.reshape(along) if part.ndim else part for part in (scale, zero))
        numbers = behind_scale(stored, scale, zero, axis)
        assert np.array_equal(numbers.read(), (integers - shift.astype(float)) * factor)
        numbers.write(numbers.read())
        assert np.array_equal(place[0], integers)
        assert place[0].dtype == np.int8
        numbers.write(np.full((2, 3), 1e9))
        assert (place[0] == 127).all()
        numbers.write(np.zeros((2, 3)))
        assert np.array_equal(place[0], np.broadcast_to(shift, (2, 3)))


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8])
def test_places_in_a_palette_are_packed_as_core_ml_reads_them(bits):
    random = np.random.default_rng(bits)
    places = random.integers(0, 1 << bits, 77).astype(np.uint8)
    assert np.array_equal(unpack_bits(pack_bits(places, bits).tobytes(), f"UINT{bits}", 77), places)
    table = random.permutation(1 << bits).astype(np.float16)
    stored, place = held(pack_bits(places, bits))
    numbers = behind_palette(stored, table, (7, 11), lambda data: unpack_bits(data, f"UINT{bits}", 77))
    assert np.array_equal(numbers.read(), table[places].reshape(7, 11))
    numbers.write(numbers.read() + 0.3)
    assert np.array_equal(place[0], pack_bits(places, bits))


def test_every_compressed_route_is_damaged_in_all_ways():
    routes = [route for route in ROUTES if isinstance(route.kind, RetrievalClass)]
    assert {route.name for route in routes} == {
        "onnx-int8", "hailo-int8", "coreml-int8", "coreml-palette8", "coreml-palette4",
    }  # fmt: skip
    assert all(route.mutations == (*MUTATIONS, *COMPRESSION) for route in routes)
    assert {one.name for one in routes[0].mutations if routes[0].has_to_notice(one)} == {
        "the L2 normalisation is missing", "BGR is read as RGB", "a picture is declared as BGR",
    }  # fmt: skip
    (tight,) = routes_of("ios", ("coreml-float32",))
    assert all(tight.has_to_notice(one) for one in tight.mutations)


def test_a_length_that_no_search_sees_is_a_limit_of_its_own(cost):
    rows = np.eye(4, dtype=np.float32)
    assert COMPRESSED.broken(cost, rows * 1.005) == ""
    assert "lengths up to 0.02" in COMPRESSED.broken(cost, rows * 1.02)
    assert COMPRESSED.broken(cost, rows * np.nan)
    assert COMPRESSED_FEATURES.broken(cost, rows * 8) == ""


@pytest.fixture
def cost():
    from cardembed.parity.retrieval import RetrievalCost

    return RetrievalCost(10, 10, 10, 0.3, 0.99, 1e-3)


class Photos:
    """What calibration asks of a photo set."""

    digest, root, split = "0" * 64, "photos", "development"

    def __init__(self, pictures):
        self.pictures = pictures

    def __len__(self):
        return len(self.pictures)

    def image(self, index):
        return self.pictures[index]


@pytest.fixture(scope="module")
def android():
    pytest.importorskip("torch")
    pytest.importorskip("timm")
    from cardembed.parity.subject import Subject
    from cardembed.release import Release, default_release_dir

    return Subject(Release.load(default_release_dir()), "android", cards=8)


@pytest.fixture(scope="module")
def int8(android, tmp_path_factory):
    from cardembed.export.int8 import export_int8
    from cardembed.export.source import source_of_target
    from cardembed.parity.inputs import default_pictures

    path = tmp_path_factory.mktemp("int8") / "android.int8.onnx"
    pictures = [one if isinstance(one, Image.Image) else Image.fromarray(one) for one in default_pictures()]
    export_int8(source_of_target(android.release, "android"), path, Photos(pictures))
    return path


def test_the_table_of_an_int8_file(android, int8, tmp_path):
    from dataclasses import replace

    (route,) = routes_of("android", ("onnx-int8",))
    chosen = tuple(one for one in route.mutations if one.severe or one.name in TRIED)
    given = replace(route, export=lambda *_: int8, mutations=chosen)
    found = {one.mutation: one for one in self_test(android, given, tmp_path)}
    assert list(found) == [mutation.name for mutation in chosen]
    lacking = {name for name, one in found.items() if not one.caught}
    assert lacking == {"a picture is declared as BGR"}
    for name, one in found.items():
        if one.caught:
            assert one.cost is not None
            assert one.layer, name  # what was changed computes something else, whatever that costs
            assert one.caught["parity gate"] or not one.required, name
    # What eight-bit rounding hides, no search can see; the table shows it.
    assert not found["a GELU is approximated"].caught["parity gate"]
    assert not found["a LayerNorm's eps is ten times"].caught["parity gate"]
    assert found["the L2 normalisation is missing"].cost.kept == 8

    worthless = replace(given, mutations=(), kind=replace(COMPRESSED, margin=2.0))
    with pytest.raises(ExportError, match="an undamaged artefact"):
        self_test(android, worthless, tmp_path)


@pytest.fixture(scope="module")
def ios():
    pytest.importorskip("torch")
    pytest.importorskip("timm")
    pytest.importorskip("coremltools")
    from cardembed.parity.subject import Subject
    from cardembed.release import Release, default_release_dir

    return Subject(Release.load(default_release_dir()), "ios", cards=3)


@pytest.mark.parametrize("name", ["coreml-int8", "coreml-palette4"])
def test_core_ml_weights_are_damaged_in_their_file(ios, name, tmp_path):
    (route,) = routes_of("ios", (name,))
    sound = route.export(ios.release, "ios", tmp_path)
    copy = FORMATS[".mlpackage"](sound, tmp_path / "copy.mlpackage")
    kernel, again = copy.stem().read(), copy.stem()
    assert kernel.shape == (48, 3, 4, 4)
    again.write(kernel)
    assert np.array_equal(again.read(), kernel)
    assert len(copy.weights()) == len(copy.scales()) == 42
    assert len(copy.zero_points()) == (42 if name == "coreml-int8" else 0)
    assert ios.check(route, tmp_path, sound).outcome is Outcome.PASSED

    for mutation in ("the L2 normalisation is missing", "BGR is read as RGB"):
        damaged = tmp_path / "damaged.mlpackage"
        assert BY_NAME[mutation].write(sound, damaged)
        assert ios.check(route, tmp_path, damaged).outcome is Outcome.MISMATCH, mutation
    near = ios.check(route, tmp_path, sound).found.one_minus_cosine
    for mutation in ("a block of weights is zero", "two channels are swapped", "a scale is doubled"):
        assert BY_NAME[mutation].write(sound, damaged)
        assert ios.check(route, tmp_path, damaged).found.one_minus_cosine != near, mutation
