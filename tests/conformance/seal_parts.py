"""A small checkout: features of which one needs a chip, a policy, a release, and this machine's own runs."""

import json

from conformance_parts import AC5, DIGEST, PHOTOS, photos_info, retrieval, write_features
from gate_parts import World

from cardembed.conformance.gate import gate
from cardembed.conformance.predicate import ArtefactInfo, ReleaseInfo, StepRecord
from cardembed.conformance.seal import own_policy
from cardembed.conformance.signing import load_or_create_key
from cardembed.conformance.states import State, StepStatus
from cardembed.fidelity import Fidelity
from cardembed.release import Release

POLICY = """
[policy]
name = "small"

[[require]]
criterion = "AC-*"
target = "ios"
fidelity = "emulated"

[[require]]
criterion = "AC-5"
target = "hailo8l"
fidelity = "device"
profile = "prd"
"""
ABSENT = (
    "hailo8l on its device: expected a Hailo-8L that this run drives, found none; run it where the chip is"
)


def small_release(folder):
    """A release.json alone: nothing here opens an artefact."""
    targets = {
        target: {
            "architecture": "any",
            "input_size": 64,
            "artefacts": [
                {"path": "weights", "sha256": DIGEST[target], "format": "safetensors", "bytes": 1},
            ],
        }
        for target in ("teacher", "ios")
    }
    content = {
        "name": "small",
        "profile": "reference",
        "created": "2026-01-01T00:00:00Z",
        "catalogue": {},
        "catalogue_digest": DIGEST["catalogue"],
        "targets": targets,
    }
    folder.mkdir()
    (folder / "release.json").write_text(json.dumps(content))
    return Release.load(folder)


class Checkout(World):
    def __init__(self, folder):
        super().__init__(folder)
        write_features(self.features, {"acceptance/ac5.feature": AC5})
        self.policy = folder / "policy.toml"
        self.policy.write_text(POLICY)
        self.release = small_release(folder / "release")
        self.key = load_or_create_key()

    def judged(self, *, ios="emulated", wrong=0, unavailable=None, unbegun=None, change=None):
        """A run's bundle.

        `ios` executed at this fidelity, with so many wrong photos; cells with the reason that a step of
        theirs gave for being unavailable, and cells with the reason that nothing of them began.
        """
        unavailable = {"AC-5/hailo8l": ABSENT} if unavailable is None else unavailable
        steps = {
            name: [StepRecord(text=self.specs()[name].steps[0], status=StepStatus.SKIPPED, reason=reason)]
            for name, reason in unavailable.items()
        }
        reasons = unavailable | (unbegun or {})

        def changed(predicate):
            update = {"AC-1/ios": {"fidelity": Fidelity(ios)}}
            for name, reason in reasons.items():
                update[name] = {"state": State.NOT_RUN, "reason": reason, "steps": steps.get(name, [])}
                update[name] |= {"verdict": None, "fidelity": None}
            predicate.cells[:] = [cell.model_copy(update=update.get(cell.id)) for cell in predicate.cells]
            return change and change(predicate)

        of_ios = PHOTOS | {"artefact_digest": DIGEST["ios"], "fidelity": ios}
        return self.bundle(
            self.key,
            change=changed,
            samples={"AC-1/ios": retrieval(100, wrong=wrong, **of_ios)} | dict.fromkeys(reasons),
            release=ReleaseInfo.of(self.release),
            photos=photos_info(seed=self.release.digest),
            artefacts={
                name: ArtefactInfo(digest=DIGEST[name], fidelity=fidelity)
                for name, fidelity in (("teacher", "reference"), ("ios", ios))
            },
        )

    def decide(self, *bundles, **run):
        """What the gate says of these bundles, or of one of such a run."""
        return gate(
            own_policy(self.policy),
            bundles or [self.judged(**run)],
            self.features,
            release=ReleaseInfo.of(self.release),
        )
