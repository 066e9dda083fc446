"""Cells from feature files: what must hold is read from their text alone, by the recorder and the gate.

A criterion is a feature's tag such as `@AC-1` or `@MODEL-2`. Scenarios of `@AC-…` features consist of the
phrases of `phrases.py`, and so do others whose first step says which samples; all other features' steps are
free text, and their cells are decided by how the steps ended. A cell's id is `criterion/target` or
`criterion/aspect/target`; the target is `-` where there is none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gherkin.errors import CompositeParserException, ParserError
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler, GherkinDocumentWithURI, Pickle

from cardembed.conformance.claims import Claim, ClaimError, Predicate, Requirements, read_requirements
from cardembed.conformance.phrases import Role, find_phrase
from cardembed.errors import FeatureError

__all__ = ["CellSpec", "cell_specs", "feature_files", "parse_feature", "spec_for"]

REPORTED_TAG = "@reported"
NO_TARGET = "-"
_CRITERION = re.compile(r"@(?P<name>[A-Z]+(-[A-Z0-9]+)+)\Z")
_ACCEPTANCE = re.compile(r"AC-\d+\Z")
_ACTION = "write what the other feature files write, or correct it"


@dataclass(frozen=True)
class CellSpec:
    """What one cell requires."""

    id: str
    """Such as "AC-1/hailo8l", "AC-8/occluded/hailo8l", "MODEL-1/unit-norm/-"."""
    criterion: str
    """Such as "AC-1"."""
    aspect: str
    """Such as "occluded"; empty for the criterion itself."""
    target: str
    """Such as "hailo8l", "-" where the scenario has none."""
    required: bool
    """False where the scenario is tagged `@reported`."""
    feature: str
    """The feature file, relative to the features folder, with forward slashes."""
    line: int
    """The scenario's line in it."""
    example_line: int
    """The line of its row of examples; the scenario's where it has none."""
    scenario: str
    """The scenario's name, with the examples filled in."""
    outline: str
    """The scenario's name as it stands in the file: pytest-bdd's key within the feature."""
    steps: tuple[str, ...]
    """The steps' texts without keywords, the background's first, with the examples filled in."""
    example: Mapping[str, str] = field(default_factory=dict)
    """The row of examples."""
    kind: str | None = None
    """The kind of samples that decide it; None where the steps alone do."""
    condition: str | None = None
    """The condition of the photos that it is about."""
    predicates: tuple[Predicate, ...] = ()
    """What a single sample has to satisfy."""
    claims: tuple[Claim, ...] = ()
    """For how many samples."""


def _id(criterion: str, aspect: str, target: str) -> str:
    return "/".join(part for part in (criterion, aspect, target) if part)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _error(place: str, found: str, action: str = _ACTION) -> FeatureError:
    return FeatureError(place, expected="a feature that can be judged", found=found, action=action)


def _nodes(children: Iterable[Mapping[str, object]]) -> Iterable[Mapping[str, object]]:
    for child in children:
        if "scenario" in child:
            yield child["scenario"]  # type: ignore[misc]
        elif "rule" in child:
            yield from _nodes(child["rule"]["children"])  # type: ignore[index]


@dataclass(frozen=True)
class _Scenario:
    name: str
    line: int
    rows: Mapping[str, Mapping[str, str]]


def _scenarios(feature: Mapping[str, object], place: str) -> dict[str, _Scenario]:
    found: dict[str, _Scenario] = {}
    names: set[str] = set()
    for node in _nodes(feature["children"]):  # type: ignore[arg-type]
        name, line = str(node["name"]), int(node["location"]["line"])  # type: ignore[index]
        if name in names:
            raise _error(
                f"{place}:{line}", f"a second scenario {name!r}", "rename it: pytest-bdd runs only one"
            )
        names.add(name)
        rows: dict[str, Mapping[str, str]] = {}
        for table in node["examples"]:  # type: ignore[attr-defined]
            head = [cell["value"] for cell in table.get("tableHeader", {}).get("cells", [])]
            for row in table["tableBody"]:
                rows[row["id"]] = dict(zip(head, [cell["value"] for cell in row["cells"]], strict=True))
        found[str(node["id"])] = _Scenario(name, line, rows)
    return found


def _criterion(pickle: Pickle, place: str) -> str:
    names = {m["name"] for tag in pickle["tags"] if (m := _CRITERION.match(tag["name"]))}
    if len(names) != 1:
        found = f"the criterion tags {sorted(names)}" if names else "no criterion tag"
        raise _error(place, found, "tag the feature with one criterion, such as @AC-1")
    return str(names.pop())


def _spec(pickle: Pickle, scenario: _Scenario, relative: str) -> CellSpec:
    line = int(pickle["location"]["line"])
    here = f"{relative}:{line}"
    criterion = _criterion(pickle, here)
    acceptance = _ACCEPTANCE.match(criterion) is not None
    required = all(tag["name"] != REPORTED_TAG for tag in pickle["tags"])
    steps = tuple(step["text"] for step in pickle["steps"])
    if not steps:
        raise _error(here, "a scenario without steps")
    example = scenario.rows.get(pickle["astNodeIds"][-1], {})
    target = example.get("target", NO_TARGET)
    title = pickle["name"].split(":")[0] if ":" in pickle["name"] or "target" not in example else ""
    if acceptance or _measures(steps):
        # A required scenario of an acceptance criterion judges the criterion itself, whatever stands before
        # its colon.
        aspect = "" if acceptance and required else _slug(title.removeprefix("Reported "))
        requirements = _requirements(steps, pickle, here)
        if required and not any(claim.decides for claim in requirements.claims):
            raise _error(here, "no claim with a number to reach", f"add one, or tag it {REPORTED_TAG}")
    else:
        aspect, requirements = _slug(title), None
    return CellSpec(
        id=_id(criterion, aspect, target),
        criterion=criterion,
        aspect=aspect,
        target=target,
        required=required,
        feature=relative,
        line=scenario.line,
        example_line=line,
        scenario=pickle["name"],
        outline=scenario.name,
        steps=steps,
        example=dict(example),
        kind=requirements.kind if requirements else None,
        condition=requirements.condition if requirements else None,
        predicates=requirements.predicates if requirements else (),
        claims=requirements.claims if requirements else (),
    )


def _measures(steps: tuple[str, ...]) -> bool:
    """Whether the first step says which samples there are: then their numbers decide, not the steps."""
    found = find_phrase(steps[0])
    return found is not None and found[0].role is Role.SETUP


def _requirements(steps: tuple[str, ...], pickle: Pickle, place: str) -> Requirements:
    try:
        return read_requirements(steps)
    except ClaimError as error:
        step = pickle["steps"][error.index]["text"]
        raise _error(f"{place}, step {step!r}", str(error)) from error


def parse_feature(text: str, relative: str) -> list[CellSpec]:
    """The cells of one feature.

    Args:
        text: The file's text.
        relative: Its path below the features folder, with forward slashes; errors name it.

    Raises:
        FeatureError: It is no Gherkin, has no criterion, or holds what nobody can judge; names file and line.
    """
    try:
        parsed = Parser().parse(text)
        document: GherkinDocumentWithURI = {**parsed, "uri": relative}
        pickles = Compiler().compile(document)
    except (CompositeParserException, ParserError) as error:
        raise _error(relative, str(error)) from error
    if not pickles:
        raise _error(relative, "no scenario")
    scenarios = _scenarios(document["feature"], relative)
    judged = {pickle["astNodeIds"][0] for pickle in pickles}
    for node, scenario in scenarios.items():
        if node not in judged:
            place = f"{relative}:{scenario.line}"
            raise _error(place, "a scenario that is never executed: its examples have no row, or it no step")
    specs = [_spec(pickle, scenarios[pickle["astNodeIds"][0]], relative) for pickle in pickles]
    seen = Counter(spec.id for spec in specs)
    return [_by_example(spec) if seen[spec.id] > 1 and spec.kind is None else spec for spec in specs]


def _by_example(spec: CellSpec) -> CellSpec:
    """A cell of its own for each row of examples that the scenario's name does not tell apart."""
    values = " ".join(value for key, value in spec.example.items() if key != "target")
    aspect = _slug(f"{spec.aspect} {values}")
    return replace(spec, aspect=aspect, id=_id(spec.criterion, aspect, spec.target))


def feature_files(features_dir: Path | str) -> dict[str, str]:
    """All feature files' texts by their path below the folder (forward slashes), in order of the path.

    Raises:
        FeatureError: There is none, or one is no UTF-8.
    """
    root = Path(features_dir)
    texts: dict[str, str] = {}
    for path in sorted(root.rglob("*.feature")):
        try:
            texts[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _error(str(path), str(error), "give a readable UTF-8 file") from error
    if not texts:
        raise _error(str(root), "no .feature file", "give the folder that holds the features")
    return texts


def cell_specs(features_dir: Path | str) -> list[CellSpec]:
    """Every cell of a folder of features, in order of file and line.

    Raises:
        FeatureError: A feature that cannot be judged, or two scenarios with the same cell.
    """
    specs: dict[str, CellSpec] = {}
    for relative, text in feature_files(features_dir).items():
        for spec in parse_feature(text, relative):
            if spec.id in specs:
                other = specs[spec.id]
                found = f"the cell {spec.id}, which {other.feature}:{other.example_line} has already"
                raise _error(f"{relative}:{spec.example_line}", found, "give the scenario another name")
            specs[spec.id] = spec
    return list(specs.values())


def spec_for(
    specs: Iterable[CellSpec], feature: str, outline: str, example: Mapping[str, str] | None = None
) -> CellSpec:
    """The cell that a scenario executes.

    Args:
        specs: From `cell_specs`.
        feature: The feature file's path below the features folder, with forward slashes.
        outline: The scenario's name as it stands in the file (or with the examples filled in).
        example: The row of examples; pytest-bdd's `_pytest_bdd_example`.

    Raises:
        FeatureError: No cell is that scenario.
    """
    row = {key: str(value) for key, value in (example or {}).items()}
    for spec in specs:
        if spec.feature == feature and outline in (spec.outline, spec.scenario) and spec.example == row:
            return spec
    raise _error(
        feature, f"no scenario {outline!r} with examples {row}", "run the features that the cells came from"
    )
