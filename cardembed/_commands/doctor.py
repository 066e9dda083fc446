"""`cardembed doctor`: what this machine can and cannot judge, and why."""

from __future__ import annotations

import click

from cardembed._commands._output import emit, json_option
from cardembed.doctor import Examination, examine

__all__ = ["command"]


def _table(found: Examination) -> str:
    lines = [f"{found.machine}", f"Python {found.python}, cardembed {found.version}", ""]
    lines += [f"{'package':<18}{'version':<16}used for"]
    for package in found.packages:
        lines.append(f"{package.name:<18}{package.version or 'missing':<16}{package.purpose}")
    lines += ["", f"{'target':<10}{'fidelity':<12}how, or why not"]
    for target in found.targets:
        lines.append(f"{target.target:<10}{target.fidelity or 'cannot':<12}{target.reason}")
    lines += [
        "",
        f"cache: {found.cache} ({found.cache_bytes / 1e6:.0f} MB)",
        f"signing key: {found.signing_key}",
    ]
    if found.public_key:
        lines.append(f"public key, for a policy's [[runner]]: {found.public_key}")
    return "\n".join(lines)


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Tell what this machine can and cannot judge.

    Lists the packages, and for each target the highest fidelity at which this machine can execute it. Exit
    code 0 when at least the evidence of other machines can be judged (the base packages are there).

    \b
    Example:
      cardembed doctor --json
    """
    found = examine()
    emit(found.model_dump(mode="json"), _table(found), as_json=as_json)
