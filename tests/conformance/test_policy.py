"""The policy's file."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from gate_parts import DESK, PI, POLICY

from cardembed.conformance.policy import Runner, load_policy
from cardembed.conformance.spec import cell_specs
from cardembed.errors import PolicyError


def test_the_projects_policy_asks_for_what_deployment_needs():
    rules = load_policy(ROOT / "policy.toml")
    needed = {
        spec.id: rules.required_fidelity(spec) for spec in cell_specs(ROOT / rules.features) if spec.required
    }
    expected = {
        "AC-1/teacher": "reference",
        "AC-1/server": "runtime",
        "AC-3/android": "runtime",
        "AC-8/ios": "emulated",
        "AC-2/hailo8l": "emulated",
        "AC-5/hailo8l": "device",
    }
    assert {name: needed[name] for name in expected} == expected
    profiles = {
        spec.id: rules.required_profile(spec) for spec in cell_specs(ROOT / rules.features) if spec.required
    }
    counted = {name for name, one in profiles.items() if one == "prd"}
    assert counted == {"AC-5/hailo8l", "PERFORMANCE-1/ios", "PERFORMANCE-2/android"}
    assert {one for one in profiles.values() if one} == {"prd"}
    assert all(value for name, value in needed.items() if name.startswith("AC-"))
    assert rules.runners == ()
    from cardembed.cards.unknowns import UNKNOWNS

    assert set(rules.unknown_families) == set(UNKNOWNS)


ROOT = Path(__file__).parents[2]


def examples():
    """The machines that policy.toml shows as examples, by name."""
    text = (ROOT / "policy.toml").read_text(encoding="utf-8")
    found = re.findall(r"^# \[\[runner\]\]\n((?:# .+\n)+)", text, re.MULTILINE)
    shown = [tomllib.loads(re.sub(r"(?m)^# ", "", lines)) for lines in found]
    return [Runner(**{**one, "public_key": DESK.public_text}) for one in shown]


def test_the_machines_that_the_policy_shows_judge_every_required_cell():
    rules = load_policy(ROOT / "policy.toml")
    machines = examples()
    assert [one.name for one in machines] == ["desk", "mac", "raspberry-pi", "iphone", "android-phone"]
    for spec in cell_specs(ROOT / rules.features):
        if not spec.required or rules.exception(spec.id) is not None:
            continue
        needed = rules.required_fidelity(spec)
        able = [one for one in machines if one.judges(spec.id) and (not needed or one.max_fidelity >= needed)]
        assert able, f"{spec.id}: none of the machines is named for it"


def test_the_pi_is_named_for_what_it_can_run():
    # Whatever a machine is named for and did not run blocks the release, though another one passed it.
    (machine,) = (one for one in examples() if one.name == "raspberry-pi")
    judged = {spec.id for spec in cell_specs(ROOT / "features") if machine.judges(spec.id)}
    assert {"AC-5/hailo8l", "DEVICE-3/hailo8l", "MODEL-1/hailo8l"} <= judged
    assert not judged & {"MODEL-2/hailo8l"}
    cells = ", ".join(f'"{glob}"' for glob in machine.cells)
    assert f"`cells = [{cells}]`" in (ROOT / "docs" / "RASPBERRY_PI.md").read_text(encoding="utf-8")


def test_a_policy_file_is_read(tmp_path):
    (tmp_path / "p.toml").write_text(POLICY)
    rules = load_policy(tmp_path / "p.toml")
    assert rules.runner(DESK.public).name == "desk"
    assert rules.waivers[0].expires == date(2030, 1, 31)
    assert rules.trusting(DESK.public) is rules
    assert len(rules.trusting(PI.public).keys) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no table \[policy\]"),
        ("[policy", "p.toml: expected a gate policy, found"),
        (POLICY.replace("[[waiver]]", "[[waivers]]"), "the table 'waivers'"),
        (POLICY.replace("[policy]", "[policy]\nrunners = []"), "the table 'runners'"),
        (POLICY.replace('name = "small"', 'nome = "small"'), "at name"),
        (POLICY.replace("ed25519:", "rsa:"), "at runner.0.public_key"),
        (POLICY.replace("2030-01-31", '"soon"'), "at waiver.0.expires"),
        (POLICY.replace('owner = "Ada"', 'owner = " "'), "at waiver.0.owner"),
        (
            POLICY + POLICY.split("\n\n")[1].replace('"desk"', '"two"'),
            "public key ed25519.* stands twice",
        ),
        (POLICY + POLICY.split("\n\n")[2], "the waiver for AC-1/ios stands twice"),
        (POLICY + '[[require]]\nfidelity = "perfect"\n', "at require.0.fidelity"),
        (POLICY + '[[require]]\nfidelity = "device"\nprofile = "own"\n', "at require.0.profile"),
        (POLICY.replace("[policy]", "[policy]\nmax_age_days = 0"), "at max_age_days"),
        (POLICY.replace("[policy]", "[policy]\nschema_version = 2"), "at schema_version"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_field(tmp_path, text, message):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(PolicyError, match=message):
        load_policy(tmp_path / "p.toml")


def test_a_missing_policy_is_refused(tmp_path):
    with pytest.raises(PolicyError, match="give --policy FILE"):
        load_policy(tmp_path / "absent.toml")
