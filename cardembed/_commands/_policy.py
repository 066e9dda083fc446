"""Options of the commands that go by a policy: `gate` and `release seal`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cardembed.conformance.policy import Policy

__all__ = ["features_of", "policy_options"]

F = TypeVar("F", bound=Callable[..., Any])


def policy_options(what: str) -> Callable[[F], F]:
    """Add `--policy`, passed on as `policy_path`, and `--features`.

    Args:
        what: What the command takes from the policy, for `--help`.
    """

    def add(function: F) -> F:
        function = click.option(
            "--features",
            type=click.Path(path_type=Path, file_okay=False),
            help="The gate's own features.  [default: what the policy names]",
        )(function)
        return click.option(
            "--policy",
            "policy_path",
            type=click.Path(path_type=Path, dir_okay=False),
            default=Path("policy.toml"),
            show_default=True,
            help=what,
        )(function)

    return add


def features_of(policy: Policy, policy_path: Path, features: Path | None) -> Path:
    """The features folder: what `--features` says, or what the policy names from where its file lies."""
    return features if features is not None else policy_path.parent / policy.features
