"""Looking a name up in a table, with an error that lists what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from cardembed.errors import UnknownTargetError

__all__ = ["look_up"]

T = TypeVar("T")


def look_up(table: Mapping[str, T], name: str, kind: str) -> T:
    """The entry called `name`.

    Args:
        table: Entries by name.
        name: What is looked for.
        kind: What an entry is called, in singular.

    Raises:
        UnknownTargetError: There is none; lists the names.
    """
    if name not in table:
        raise UnknownTargetError(
            f"{kind} {name!r}",
            expected="one of " + ", ".join(table),
            found=repr(name),
            action=f"choose one of these {kind}s",
        )
    return table[name]
