"""`cardembed gate`: may this release ship?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardembed._commands._output import emit, json_option
from cardembed._commands._policy import features_of, policy_options

if TYPE_CHECKING:
    from cardembed.conformance.decision import GateCell, GateDecision
    from cardembed.conformance.policy import Policy

__all__ = ["as_text", "command"]

_SHOWN = 40
_SHORT = {"inconclusive": "inconcl.", "not applicable": "n/a"}


@click.command("gate")
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...", type=click.Path(path_type=Path))
@policy_options("What a release needs.")
@click.option(
    "--release",
    type=click.Path(path_type=Path, file_okay=False),
    help="The release that is to ship: evidence about another one is refused.",
)
@click.option("--nonce", help="What every bundle must carry, as given to its run.")
@click.option(
    "--trust",
    multiple=True,
    metavar="KEY",
    help="One more runner, for every cell: a public key, a file that holds one, or `own` for this machine's.",
)
@json_option
def command(
    bundles: tuple[Path, ...],
    *,
    policy_path: Path,
    features: Path | None,
    release: Path | None,
    nonce: str | None,
    trust: tuple[str, ...],
    as_json: bool,
) -> None:
    """Decide from evidence BUNDLEs whether a release may ship.

    Every bundle is verified, every verdict computed again from its raw numbers, and the cells that must pass
    come from the features. Exits with 0 where the release may ship, with 1 where it may not.

    \b
    Example:
      cardembed gate --policy policy.toml reports/desk reports/raspberry-pi
    """
    from cardembed.conformance.gate import gate
    from cardembed.conformance.policy import load_policy

    policy = _trusting(load_policy(policy_path), trust)
    info = None
    if release is not None:
        from cardembed.conformance.predicate import ReleaseInfo
        from cardembed.release import Release

        info = ReleaseInfo.of(Release.load(release))
    folder = features_of(policy, policy_path, features)
    decision = gate(policy, bundles, folder, release=info, nonce=nonce)
    emit(decision.model_dump(mode="json"), as_text(decision), as_json=as_json)
    if not decision.releasable:
        raise SystemExit(1)


def _trusting(policy: Policy, trust: Sequence[str]) -> Policy:
    from cardembed.conformance.signing import PublicKey, load_key, signing_key_path

    for text in trust:
        if text == "own":
            policy = policy.trusting(load_key(signing_key_path()).public, "this machine")
            continue
        path = Path(text)
        is_file = not text.startswith("ed25519:") and path.is_file()
        key = PublicKey.parse(path.read_text(encoding="utf-8", errors="replace") if is_file else text)
        policy = policy.trusting(key, path.name if is_file else text[:20])
    return policy


def as_text(decision: GateDecision) -> str:
    """For people: the decision, criterion × target, and what keeps it from shipping."""
    cells = [cell for cell in decision.cells if cell.required]
    acceptance = [cell for cell in cells if cell.criterion.startswith("AC-")]
    lines = _table(acceptance)
    others = [cell for cell in cells if not cell.criterion.startswith("AC-")]
    for criterion in dict.fromkeys(cell.criterion for cell in others):
        group = [cell for cell in others if cell.criterion == criterion]
        good = sum(not cell.blocks for cell in group)
        lines.append(f"{criterion:<16}{good} of {len(group)} cells do not block")
    lines.append("")
    for bundle in decision.bundles:
        word = "refused" if bundle.refused else "accepted"
        lines.append(
            f"bundle {bundle.path}: {word}, run {bundle.run_id or '?'} by {bundle.runner or 'nobody known'}"
            f"{', on a simulated chip' if bundle.simulated else ''}"
        )
    if decision.catalogue_digest is not None:
        lines.append(f"gallery: the catalogue {decision.catalogue_digest}")
    for title, entries in (("warnings", decision.warnings), ("why not", decision.reasons)):
        if entries:
            lines += ["", f"{title}:", *(f"  {entry}" for entry in entries[:_SHOWN])]
        if len(entries) > _SHOWN:
            lines.append(f"  and {len(entries) - _SHOWN} more; --json shows all")
    release = f" {decision.release_name} ({decision.release_digest})" if decision.release_name else ""
    verdict = "RELEASABLE" if decision.releasable else "NOT RELEASABLE"
    return "\n".join([*lines, "", f"{verdict}:{release} by policy {decision.policy!r}"])


def _table(cells: Sequence[GateCell]) -> list[str]:
    targets = list(dict.fromkeys(cell.target for cell in cells))
    rows: dict[str, dict[str, GateCell]] = {}
    for cell in cells:
        name = f"{cell.criterion} {cell.aspect}".strip()
        rows.setdefault(name, {})[cell.target] = cell
    width = max([16, *(len(name) + 2 for name in rows)])
    lines = [" " * width + "".join(f"{target:<14}" for target in targets)]
    for name, row in rows.items():
        words = (_word(row.get(target)) for target in targets)
        lines.append((f"{name:<{width}}" + "".join(f"{word:<14}" for word in words)).rstrip())
    return lines


def _word(cell: GateCell | None) -> str:
    return "" if cell is None else _SHORT.get(cell.state, str(cell.state))
