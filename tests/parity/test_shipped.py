"""What a release ships is what the parity gate looks at, and so is a file that is named."""

import json
import shutil

import onnx
import pytest
from onnx import numpy_helper

from cardembed._io import sha256_artefact
from cardembed._sizes import size_of_artefact
from cardembed.errors import DigestMismatchError
from cardembed.parity.routes import ROUTES, routes_of
from cardembed.parity.shipped import routes_of_artefact, shipped_routes
from cardembed.release import Artefact, Release

pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("coremltools")

HALF = {"coreml-weights", "coreml-optimistic", "coreml-pessimistic"}


@pytest.fixture
def release(random_release, tmp_path):
    return Release.load(shutil.copytree(random_release, tmp_path / "release"))


def ship(release, file, name, target="android"):
    made = release.root / name
    if file.is_dir():
        shutil.copytree(file, made)
    else:
        shutil.copyfile(file, made)
    artefact = Artefact(
        path=name, sha256=sha256_artefact(made), format=made.suffix[1:], bytes=size_of_artefact(made)
    )
    return release.with_artefact(target, artefact).write()


def spoilt(file, out):
    """The same ports and metadata, and one matrix with its rows in another order."""
    model = onnx.load(file)
    chosen = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    chosen.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(chosen)[::-1].copy(), chosen.name))
    out.write_bytes(model.SerializeToString())
    return out


def check(run, *options):
    code, out, err = run("parity", "check", *options, "--json")
    assert err == ""
    return code, {one["artefact"]: one["outcome"] for one in json.loads(out)["results"]}


@pytest.mark.parametrize(
    ("name", "routes"),
    [
        ("android.onnx", {"onnx"}),
        ("android.ort", {"ort"}),
        ("ios.mlpackage", HALF),
        ("ios.mlmodel", {"coreml-mlmodel"}),
    ],
)
def test_a_file_says_which_route_judges_it(random_exports, name, routes):
    assert routes_of_artefact(random_exports / name, name.partition(".")[2]) == routes


@pytest.mark.parametrize(
    "name",
    [
        "onnx-image",
        "ort-image",
        "coreml-float32",
        "coreml-image",
        "coreml-batch",
        "coreml-mlmodel-image",
        "coreml-mlmodel-weights",
        "coreml-int8",
        "coreml-palette4",
    ],
)
def test_other_routes_know_what_they_write(random_release, tmp_path, name):
    release = Release.load(random_release)
    target = "ios" if name.startswith("coreml") else "android"
    (route,) = routes_of(target, (name,))
    path = route.export(release, target, tmp_path)
    assert name in routes_of_artefact(path, path.suffix[1:])


def test_a_half_precision_network_that_takes_a_picture_is_of_no_route(random_release, tmp_path):
    from cardembed.export.coreml import CoreMLOptions, export_coreml
    from cardembed.export.source import source_of_weights

    source = source_of_weights(random_release / "hailo8l.safetensors")
    export_coreml(source, tmp_path / "m.mlmodel", CoreMLOptions(format="mlmodel", input="image"))
    assert routes_of_artefact(tmp_path / "m.mlmodel", "mlmodel") == frozenset()


def test_other_bytes_than_promised_are_refused(release, random_exports):
    shipping = ship(release, random_exports / "android.onnx", "android.onnx")
    ((artefact, path, names),) = shipped_routes(shipping, "android")
    assert (artefact.format, path, names) == ("onnx", release.root / "android.onnx", {"onnx"})
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DigestMismatchError):
        shipped_routes(shipping, "android")


def test_what_is_shipped_is_checked_in_place_of_an_export(run, release, random_exports, tmp_path):
    ship(release, random_exports / "android.onnx", "android.onnx")
    chosen = ("--release", release.root, "--target", "android", "--route", "onnx")
    assert check(run, *chosen) == (0, {"android onnx android.onnx": "passed"})
    ship(release, spoilt(random_exports / "android.onnx", tmp_path / "spoilt.onnx"), "android.onnx")
    assert check(run, *chosen) == (1, {"android onnx android.onnx": "mismatch"})


def test_what_is_shipped_and_of_no_route_is_not_judged(run, release, random_exports, monkeypatch):
    from cardembed.parity import routes, shipped

    monkeypatch.setattr(shipped, "routes_of_artefact", lambda *_: frozenset())
    monkeypatch.setattr(routes, "ROUTES", tuple(one for one in ROUTES if one.name == "onnx"))
    ship(release, random_exports / "android.ort", "android.ort")
    outcomes = {"android ort android.ort": "not judged", "android onnx": "passed"}
    assert check(run, "--release", release.root, "--target", "android") == (1, outcomes)


def test_a_named_file_is_checked(run, random_release, random_exports, tmp_path):
    chosen = ("--release", random_release, "--target", "android", "--route")
    file = random_exports / "android.ort"
    assert check(run, *chosen, "ort", "--artefact", file) == (0, {"android ort android.ort": "passed"})
    bad = spoilt(random_exports / "android.onnx", tmp_path / "spoilt.onnx")
    assert check(run, *chosen, "onnx", "--artefact", bad) == (1, {"android onnx spoilt.onnx": "mismatch"})


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--target", "android"),
        ("--route", "onnx"),
        ("--target", "android", "--route", "onnx", "--route", "ort"),
        ("--target", "android", "--target", "server", "--route", "onnx"),
    ],
)
def test_a_named_file_needs_one_target_and_one_route(run, random_release, random_exports, options):
    given = ("--release", random_release, "--artefact", random_exports / "android.onnx")
    code, _, err = run("parity", "check", *given, *options)
    assert (code, err.count("\n")) == (2, 1)
    assert "one --target and one --route" in err


def test_a_named_file_has_to_be_there(run, random_release, tmp_path):
    chosen = ("--release", random_release, "--target", "android", "--route", "onnx")
    code, _, err = run("parity", "check", *chosen, "--artefact", tmp_path / "nowhere.onnx")
    assert (code, "found nothing" in err) == (2, True)
