"""`cardembed gate`."""

import json

import pytest
from conformance_parts import DIGEST, photos_info
from gate_parts import PI, POLICY

from cardembed.cli import main
from cardembed.conformance.predicate import ArtefactInfo, ReleaseInfo
from cardembed.release import Artefact, Release, TargetEntry


@pytest.fixture
def command(here, capsys):
    (here.folder / "policy.toml").write_text(POLICY.split("[[waiver]]", maxsplit=1)[0])

    def run(*arguments):
        arguments = ["gate", "--policy", str(here.folder / "policy.toml"), *map(str, arguments)]
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


def test_the_command_says_releasable_with_0(here, command):
    code, out, err = command(here.bundle())
    assert (code, err) == (0, "")
    assert f"RELEASABLE: first ({DIGEST['release']}) by policy 'small'" in out
    assert "                teacher       ios" in out
    assert "AC-1            pass          pass" in out
    assert "MODEL-1         1 of 1 cells do not block" in out


def test_the_command_says_no_with_1_and_why(here, command):
    code, out, _ = command(here.bundle(targets=("teacher", "-")))
    assert code == 1
    assert "AC-1            pass          not run" in out
    assert "  AC-1/ios: not run: not among the targets asked for" in out
    assert out.rstrip().splitlines()[-1].startswith("NOT RELEASABLE")


def test_the_command_prints_one_json_value(here, command):
    code, out, _ = command(here.bundle(), "--json")
    value = json.loads(out)
    assert (code, value["releasable"], value["cells"][0]["state"]) == (0, True, "pass")


def test_the_command_names_a_simulated_chip(here, command):
    for device, simulated in ((None, False), ({"simulated": False}, False), ({"simulated": True}, True)):
        bundle = here.bundle(device=device)
        (line,) = (line for line in command(bundle)[1].splitlines() if line.startswith(f"bundle {bundle}"))
        assert line.endswith(", on a simulated chip") == simulated
        assert json.loads(command(bundle, "--json")[1])["bundles"][0]["simulated"] == simulated


@pytest.mark.parametrize("arguments", [[], ["features"], ["absent"], ["--features", "b1", "b1"]])
def test_the_command_calls_bad_input_2_in_one_line(here, command, arguments):
    here.bundle()
    code, out, err = command(*[a if a.startswith("-") else here.folder / a for a in arguments])
    assert (code, out) == (2, "")
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1


def test_the_command_trusts_a_key_that_is_named(here, command, monkeypatch):
    bundle = here.bundle(PI)
    assert command(bundle)[0] == 1
    assert command("--trust", PI.public_text, bundle)[0] == 0
    (here.folder / "pi.pub").write_text(PI.public_text + "\n")
    assert command("--trust", here.folder / "pi.pub", bundle)[0] == 0
    assert command("--trust", "nobody", bundle)[0] == 2
    private = here.folder / "key"
    private.write_bytes(PI.pem)
    private.chmod(0o600)
    monkeypatch.setenv("CARDEMBED_SIGNING_KEY", str(private))
    assert command("--trust", "own", bundle)[0] == 0


def test_the_command_takes_the_release_that_is_to_ship(here, command):
    artefact = Artefact(path="t.safetensors", sha256="0" * 64, format="safetensors", bytes=1)
    release = Release(
        name="first",
        profile="reference",
        created="2026-01-01T00:00:00Z",
        catalogue={"kind": "synthetic", "seed": 1, "count": 1},
        catalogue_digest=DIGEST["catalogue"],
        targets={"teacher": TargetEntry(architecture="x", input_size=64, artefacts=(artefact,))},
    )
    folder = here.folder / "release"
    folder.mkdir()
    (folder / "release.json").write_text(release.model_dump_json())
    code, out, _ = command("--release", folder, here.bundle())
    assert code == 1
    assert "it is about another release" in out
    artefacts = {"teacher": ArtefactInfo(digest=artefact.sha256, fidelity="reference")}
    photos = photos_info(seed=release.digest)
    about = here.bundle(release=ReleaseInfo.of(release), photos=photos, artefacts=artefacts, targets=())
    out = command("--release", folder, about)[1]
    assert f"bundle {about}: accepted" in out
    assert f"gallery: the catalogue {DIGEST['catalogue']}" in out
    assert command("--release", here.features, about)[0] == 2
