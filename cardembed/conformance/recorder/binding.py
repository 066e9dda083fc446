"""Binds every scenario of a folder's feature files to a test whose name tells the criterion."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pytest_bdd import scenario
from pytest_bdd.feature import get_feature

__all__ = ["bind_features"]


def bind_features(namespace: dict[str, Any], folder: Path) -> None:
    """Put a test for each scenario into `namespace`: ac4_unknown.feature gives `test_ac4_unknown[hailo8l]`.

    Args:
        namespace: The test module's `globals()`.
        folder: Where the feature files lie, without folders below.
    """
    for path in sorted(folder.glob("*.feature")):
        feature = get_feature(str(folder), path.name)
        for title in feature.scenarios:
            words = re.sub(r"<\w+>", "", title).lower()
            name = "_".join(["test", path.stem, *re.findall(r"[a-z0-9]+", words)])
            while name in namespace:
                name += "_"
            namespace[name] = scenario(path.name, title, features_base_dir=str(folder))(_nothing_more)


def _nothing_more() -> None:
    """The steps are all there is to a scenario."""
