"""What changed since another bundle: states, numbers, thresholds, feature texts, digests."""

from __future__ import annotations

from cardembed.conformance.report.cells import cell_anchor
from cardembed.conformance.report.claims import tally
from cardembed.conformance.report.marks import state_mark
from cardembed.conformance.report.numbers import decimal, percent, points, short_digest
from cardembed.conformance.report.run import Cell, Run
from cardembed.conformance.report.source import difference
from cardembed.conformance.report.view import ChangeView, DifferenceView, Fact, FeatureView, Table
from cardembed.conformance.verdicts import ShareResult, tightest

__all__ = ["compare"]


def compare(before: Run, after: Run) -> DifferenceView:
    """From `before` (the baseline) to `after` (the run that the page is about)."""
    old = {cell.id: cell for cell in before.cells}
    new = {cell.id: cell for cell in after.cells}
    names = [*new, *(name for name in old if name not in new)]
    found = [change for name in names if (change := _change(name, old.get(name), new.get(name)))]
    changes = [one for one in found if one.before != one.after]
    numbers = [one for one in found if one.before == one.after]
    features = _features(before, after)
    texts = "no feature text changed" if not features else f"{len(features)} feature texts changed"
    if len(features) == 1:
        texts = "1 feature text changed"
    return DifferenceView(
        name=f"{before.predicate.release.name}, run {before.predicate.run_id}",
        summary=f"{len(changes)} of {len(names)} cells changed their state, {len(numbers)} only their "
        f"numbers; {texts}.",
        facts=_digests(before, after),
        changes=tuple(changes),
        numbers=tuple(numbers),
        thresholds=_thresholds(before, after),
        features=features,
    )


def _share(cell: Cell | None) -> ShareResult | None:
    """The first claim's share, its worst family: the same claim on both sides, whatever their states."""
    if cell is None or cell.verdict is None or not cell.verdict.shares:
        return None
    shares = cell.verdict.shares
    return tightest(share for share in shares if share.claim == shares[0].claim)


def _change(name: str, old: Cell | None, new: Cell | None) -> ChangeView | None:
    a, b = _share(old), _share(new)
    left, right = (_tally(one) for one in (a, b))
    same_state = old is not None and new is not None and old.state is new.state
    if same_state and left == right:
        return None
    note = ""
    if old is None or new is None:
        note = "not in the features of " + ("the baseline" if old is None else "this run")
    elif a is not None and b is not None and a.share is not None and b.share is not None:
        note = f"share {percent(a.share)} to {percent(b.share)}, {points(b.share - a.share)}"
    elif new.state is not old.state:
        note = new.reason
    return ChangeView(
        id=name,
        href=f"#{cell_anchor(name)}" if new is not None else "",
        before=None if old is None else state_mark(old.state),
        after=None if new is None else state_mark(new.state),
        tally_before=left,
        tally_after=right,
        note=note,
    )


def _tally(share: ShareResult | None) -> str:
    if share is None:
        return ""
    return f"{share.family} {tally(share)}" if share.family else tally(share)


def _thresholds(before: Run, after: Run) -> Table | None:
    """What the features demand and what the release matches by, where either changed."""
    old, new = _demands(before), _demands(after)
    rows = tuple(
        (name, old.get(name, "none"), new.get(name, "none"))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )
    if not rows:
        return None
    return Table("Thresholds that changed", ("Threshold", "Before", "Now"), rows)


def _demands(run: Run) -> dict[str, str]:
    """What is demanded by criterion and aspect, and the match threshold by target."""
    found: dict[str, list[str]] = {}

    def note(name: str, value: str) -> None:
        if value not in found.setdefault(name, []):
            found[name].append(value)

    for cell in run.cells:
        spec = cell.spec
        if spec is None or spec.kind is None:
            continue
        of = f"{cell.criterion}, {cell.aspect.replace('-', ' ')}" if cell.aspect else cell.criterion
        for predicate in spec.predicates:
            value = predicate.value if isinstance(predicate.value, str) else decimal(predicate.value, 6)
            note(f"{of}: {predicate.column.replace('_', ' ')}", f"{predicate.operator} {value}")
        for claim in spec.claims:
            note(f"{of}: claims", claim.text)
        samples = None if spec.kind == "census" else cell.load()
        if samples is not None and samples.context.match_threshold is not None:
            note(f"{cell.target}: match threshold", decimal(samples.context.match_threshold, 4))
    return {name: "; ".join(values) for name, values in found.items()}


def _features(before: Run, after: Run) -> tuple[FeatureView, ...]:
    paths = sorted({*before.texts, *after.texts})
    return tuple(
        difference(path, before.texts.get(path, ""), after.texts.get(path, ""))
        for path in paths
        if before.texts.get(path) != after.texts.get(path)
    )


def _digests(before: Run, after: Run) -> tuple[Fact, ...]:
    old, new = before.predicate, after.predicate
    rows = [
        ("Release", old.release.digest, new.release.digest),
        ("Catalogue", old.catalogue_digest, new.catalogue_digest),
        ("Photo set", old.photos.digest, new.photos.digest),
        ("Code", old.code.git_commit or old.code.version, new.code.git_commit or new.code.version),
    ]
    for target in sorted({*old.artefacts, *new.artefacts}):
        a, b = old.artefacts.get(target), new.artefacts.get(target)
        rows.append((f"Artefact of {target}", a.digest if a else "", b.digest if b else ""))
    return tuple(
        Fact(
            name,
            short_digest(right),
            code=True,
            note="as before" if left == right else f"was {short_digest(left)}",
        )
        for name, left, right in rows
    )
