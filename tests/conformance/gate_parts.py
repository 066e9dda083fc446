"""A gate, the machines that it knows, and the bundles that they give it."""

from conformance_parts import DIGEST, PHOTOS, world, write_features

from cardembed.conformance.evidence import write_bundle
from cardembed.conformance.gate import gate
from cardembed.conformance.policy import Policy, Runner
from cardembed.conformance.signing import generate_key
from cardembed.conformance.spec import cell_specs

DESK, PI, STRANGER = generate_key(), generate_key(), generate_key()
GOOD = {"fidelity": "reference", **PHOTOS}
IOS = {"artefact_digest": DIGEST["ios"], **GOOD}
POLICY = f"""
[policy]
name = "small"

[[runner]]
name = "desk"
public_key = "{DESK.public_text}"

[[waiver]]
cell = "AC-1/ios"
owner = "Ada"
reason = "known"
expires = 2030-01-31
"""


def policy(**values):
    runners = (Runner(name="desk", public_key=DESK.public_text),)
    return Policy(**{"name": "test", "runners": runners} | values)


class World:
    def __init__(self, folder):
        self.folder = folder
        self.features = write_features(folder / "features")
        self.number = 0

    def specs(self):
        return {spec.id: spec for spec in cell_specs(self.features)}

    def bundle(self, key=DESK, *, change=None, **more):
        self.number += 1
        predicate, samples = world(self.features, **more)
        if change is not None:
            predicate = change(predicate) or predicate
        kept = {cell.id for cell in predicate.cells}
        samples = {name: value for name, value in samples.items() if name in kept}
        return write_bundle(self.folder / f"b{self.number}", predicate, samples=samples, key=key)

    def gate(self, *bundles, rules=None, **more):
        return gate(rules or policy(), bundles, self.features, **more)

    def cell(self, decision, name):
        return next(cell for cell in decision.cells if cell.id == name)


def set_cell(name, **values):
    def change(predicate):
        for index, cell in enumerate(predicate.cells):
            if cell.id == name:
                predicate.cells[index] = cell.model_copy(update=values)

    return change
