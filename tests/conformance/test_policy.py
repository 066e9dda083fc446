"""The policy's file."""

from datetime import date

import pytest
from gate_parts import DESK, PI, POLICY

from cardembed.conformance.policy import load_policy
from cardembed.conformance.spec import cell_specs
from cardembed.errors import PolicyError


def test_the_projects_policy_asks_for_what_deployment_needs():
    from pathlib import Path

    root = Path(__file__).parents[2]
    rules = load_policy(root / "policy.toml")
    needed = {
        spec.id: rules.required_fidelity(spec) for spec in cell_specs(root / rules.features) if spec.required
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
    assert all(value for name, value in needed.items() if name.startswith("AC-"))
    assert rules.runners == ()
    from cardembed.cards.unknowns import UNKNOWNS

    assert set(rules.unknown_families) == set(UNKNOWNS)


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
