"""`cardembed export hailo` and `cardembed import-artefact`: from a release to a HEF in it."""

import functools
import json
import shutil
import sys

import pytest
import standin_sdk
from hef_building import float32, plain

from benchmarks._hef_files import seal
from cardembed.export.hailo import kit as kits
from cardembed.release import Release


@pytest.fixture
def release(random_release, tmp_path):
    return shutil.copytree(random_release, tmp_path / "release")


@pytest.fixture
def export(run, release, development, few, tmp_path, monkeypatch):  # noqa: PLR0917 - fixtures
    """The command, on fewer photos than the compiler asks for: none of these tests is about how many."""
    monkeypatch.setattr(kits, "write_kit", functools.partial(kits.write_kit, count=few, evaluated=4))

    def export(*arguments):
        options = ("--release", release, "--target", "hailo8l", "--photos", development.root)
        return run("export", "hailo", *options, "--out", tmp_path / "kit", *arguments)

    return export


@pytest.fixture
def elsewhere(tmp_path_factory):
    """Verdict photos of other cards."""
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.cards.photo_cache import default_photo_set
    from cardembed.cards.photo_plan import PhotoPlan

    plan = PhotoPlan(
        clean=2, clean_second=0, occluded=0, glare=0, unknown=0, unknown_card=0, curve=0, zero_shot=0,
        zero_shot_occluded=0,
    )  # fmt: skip
    return default_photo_set("verdict", load_catalogue("synthetic:9:12"), plan=plan, workers=1).root


def hef(path, size=128, **other):
    path.write_bytes(seal(3, plain((size, size, 3), **other)))
    return path


def refused(result, *words):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_without_the_compiler_it_says_what_to_run(export, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hailo_sdk_client", None)
    code, out, _ = export("--verdict-photos", elsewhere, "--sixteen-bit", "conv*")
    assert code == 0
    script = (tmp_path / "kit" / "convnext_atto.alls").read_text()
    assert all(
        f"quantization_param({name}, " in script for name in ("output_layer1", "{convnext_atto/conv*}")
    )
    assert "python3 compile.py" in out
    assert "cardembed import-artefact" in out
    assert (tmp_path / "kit" / "kit.json").is_file()


def test_with_the_compiler_the_hef_is_in_the_release(export, elsewhere, release, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hailo_sdk_client", standin_sdk.module())
    before = Release.load(release).digest
    code, out, _ = export("--verdict-photos", elsewhere, "--json")
    found = json.loads(out)
    changed = Release.load(release)
    assert (code, found["release_digest"]) == (0, changed.digest)
    assert changed.digest != before
    changed.verify("hailo8l")
    taken = changed.artefact("hailo8l", "hef")
    assert (taken.normalised, taken.compiled.sdk_version) == ("chip", "3.31.0")
    assert (taken.compiled.bottleneck_fps, taken.compiled.contexts) == (100.0, 1)
    assert taken.compiled.emulated == found["compiled"]["emulated"]
    assert list(taken.compiled.calibration_photos) == found["manifest"]["calibration"]["photos"]
    assert changed.weights("hailo8l") == Release.load(release).weights("hailo8l")
    assert changed.artefact("hailo8l", "int8") is not None


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_somebody_should_know_of_the_hef_is_said(export, elsewhere, monkeypatch, form):
    monkeypatch.setitem(sys.modules, "hailo_sdk_client", standin_sdk.module())
    monkeypatch.setattr(standin_sdk.ClientRunner, "fps", 12.5)
    code, out, _ = export("--verdict-photos", elsewhere, *(["--json"] if form == "json" else []))
    warnings = json.loads(out)["warnings"] if form == "json" else out.split("  warning: ")[1:]
    assert code == 0
    assert len(warnings) == 2
    assert warnings[0].startswith("container: ")
    assert "bottleneck of 12.5 frames a second" in warnings[1]


def test_a_target_without_a_chip_and_weights_without_photos(run, random_release, tmp_path):
    refused(
        run("export", "hailo", "--release", random_release, "--target", "ios", "--out", tmp_path / "kit"),
        "a HEF",
    )
    refused(
        run(
            "export", "hailo", "--weights", random_release / "hailo8l.safetensors", "--out", tmp_path / "kit"
        ),
        "--photos",
    )
    assert not (tmp_path / "kit").exists()


def test_what_comes_back_is_taken(run, release, tmp_path):
    one = hef(tmp_path / "net.hef")
    code, out, err = run("import-artefact", one, "--release", release, "--normalised", "chip")
    assert (code, err) == (0, "")
    assert "warning: container" in out
    first = Release.load(release).artefact("hailo8l", "hef")
    assert first.compiled.kit_sha256 is None
    assert first.compiled.calibration_photos is None
    assert (release / first.path).read_bytes() == one.read_bytes()
    again = run("import-artefact", one, "--release", release, "--normalised", "chip", "--json")
    assert json.loads(again[1])["artefact"] == first.model_dump(mode="json")
    other = hef(tmp_path / "other.hef", fps=12.5)
    code, out, _ = run("import-artefact", other, "--release", release, "--normalised", "chip")
    assert "bottleneck of 12.5 frames" in out
    second = Release.load(release).artefact("hailo8l", "hef")
    assert second.path != first.path
    assert [path.name for path in release.glob("*.hef")] == [second.path]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"size": 224}, "128 × 128 × 3"),
        ({"output_shape": (1, 1, 512)}, "1 × 1 × 768"),
        ({"architecture": 0}, "compiled for hailo8;"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_release_stays(run, release, tmp_path, made, words):
    before = (release / "release.json").read_bytes()
    file = hef(tmp_path / "net.hef", **made)
    refused(run("import-artefact", file, "--release", release, "--normalised", "chip"), words)
    assert (release / "release.json").read_bytes() == before
    assert not list(release.glob("*.hef"))


def test_broken_or_of_no_target(run, release, tmp_path):
    file = hef(tmp_path / "net.hef")
    damaged = tmp_path / "damaged.hef"
    damaged.write_bytes(file.read_bytes()[:-1] + b"x")
    refused(run("import-artefact", damaged, "--release", release, "--normalised", "chip"), "XXH3-64")
    refused(
        run("import-artefact", tmp_path / "no.hef", "--release", release, "--normalised", "chip"), "no such"
    )
    refused(run("import-artefact", file, "--release", release, "--target", "ios"), "a HEF")
    refused(run("import-artefact", file, "--release", tmp_path / "no"), "release.json")


def test_somebody_has_to_say_who_normalises(run, release, tmp_path, kit):
    file = hef(tmp_path / "net.hef", called="convnext_atto")
    refused(run("import-artefact", file, "--release", release), "--kit", "--normalised")
    refused(run("import-artefact", file, "--release", release, "--normalised", "host"), "0 to 255")
    refused(
        run("import-artefact", file, "--release", release, "--kit", kit, "--normalised", "host"),
        "as the kit says",
    )
    assert run("import-artefact", file, "--release", release, "--kit", kit)[0] == 0
    assert Release.load(release).artefact("hailo8l", "hef").normalised == "chip"


def test_numbers_that_the_host_normalises_are_no_pixels(run, release, tmp_path):
    file = hef(tmp_path / "net.hef", numeric=float32(1, 114.0) + float32(2, 0.018))
    refused(
        run("import-artefact", file, "--release", release, "--normalised", "chip"),
        "scale 0.018, zero-point 114",
        "--normalised host",
    )
    assert run("import-artefact", file, "--release", release, "--normalised", "host")[0] == 0
    assert Release.load(release).artefact("hailo8l", "hef").normalised == "host"


def test_a_kit_of_something_else_is_refused(run, release, tmp_path, kit):
    file, own = hef(tmp_path / "net.hef"), shutil.copytree(kit, tmp_path / "own")
    manifest = json.loads((own / "kit.json").read_text())

    def written(**changes):
        (own / "kit.json").write_text(json.dumps({**manifest, **changes}))
        return run("import-artefact", file, "--release", release, "--kit", own)

    refused(written(weights_sha256="0" * 64), "another weights")
    refused(
        written(preprocessing={**manifest["preprocessing"], "mean": [0.5, 0.5, 0.5]}), "another preprocessing"
    )
    refused(written(format="else"), "cardembed export hailo")
    refused(run("import-artefact", file, "--release", release, "--kit", tmp_path / "none"), "no such file")


def test_without_the_compilers_record_a_kit_is_taken_at_its_networks_name(run, release, tmp_path, kit):
    before = (release / "release.json").read_bytes()
    given = ("--release", release, "--kit", kit)
    refused(
        run("import-artefact", hef(tmp_path / "other.hef", called="regnetx_002"), *given),
        "the network convnext_atto, as the kit has the compiler call it",
        "found regnetx_002",
    )
    assert (release / "release.json").read_bytes() == before
    code, out, _ = run("import-artefact", hef(tmp_path / "net.hef", called="convnext_atto"), *given)
    assert code == 0
    assert "warning: kit: no compiled.json lies in the kit" in out
    compiled = Release.load(release).artefact("hailo8l", "hef").compiled
    # Nothing shows that it was made from the kit. Its photos are kept all the same: no verdict on them.
    assert (compiled.kit_sha256, compiled.emulated) == (None, None)
    assert (
        list(compiled.calibration_photos)
        == json.loads((kit / "kit.json").read_text())["calibration"]["photos"]
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fp_optimized": 0.9985}, "fp_optimized: the network differs from the float student: smallest"),
        ({"native": 0.5}, "native: the network differs"),
        ({"native": None}, "native: nobody compared it"),
    ],
)
def test_a_hef_whose_emulation_was_another_network_is_refused(compiled, changed, words):
    refused(compiled(changed), words, "compiled.json")


@pytest.mark.parametrize(
    ("smallest", "says"), [(0.9905, None), (0.9895, "smallest cosine 0.98950"), (None, "nobody compared it")]
)
def test_what_eight_bits_cost_is_said(compiled, smallest, says):
    code, out, _ = compiled({"quantized": smallest})
    assert code == 0
    assert ("warning: emulation: quantized: " in out) == (says is not None)
    assert (says or "") in out


@pytest.fixture
def compiled(run, release, tmp_path, kit, monkeypatch):
    """Imports a kit's HEF, after the smallest cosines in its compiled.json were changed (None: left out)."""
    from cardembed.export.hailo.sdk import run_compiler

    own = shutil.copytree(kit, tmp_path / "compiled")
    monkeypatch.setitem(sys.modules, "hailo_sdk_client", standin_sdk.module())
    record = run_compiler(own, lambda _: None)

    def taken(smallest):
        written = json.loads((own / "compiled.json").read_text())
        for name, value in smallest.items():
            written["emulated"][name]["min"] = value
            if value is None:
                del written["emulated"][name]
        (own / "compiled.json").write_text(json.dumps(written))
        return run("import-artefact", own / record.hef, "--release", release, "--kit", own)

    return taken


def test_a_hef_that_the_kit_did_not_make_is_refused(run, release, tmp_path, kit, monkeypatch):
    from cardembed.export.hailo.sdk import run_compiler

    own = shutil.copytree(kit, tmp_path / "own")
    monkeypatch.setitem(sys.modules, "hailo_sdk_client", standin_sdk.module())
    record = run_compiler(own, lambda _: None)
    other = hef(tmp_path / "net.hef", fps=99.0)
    refused(run("import-artefact", other, "--release", release, "--kit", own), "compiled.json")
    (own / "kit.json").write_text((own / "kit.json").read_text() + " ")
    refused(run("import-artefact", own / record.hef, "--release", release, "--kit", own), "another one")
