"""The recorder: a pytest plugin that turns scenarios into cells with evidence, under xdist as well.

`pytest -p cardembed.conformance.recorder` in a rootdir of feature files; see features/pytest.ini.
"""

from __future__ import annotations

from cardembed.conformance.recorder.plugin import (
    bench,
    cell,
    pytest_addhooks,
    pytest_addoption,
    pytest_cardembed_prepare,
    pytest_configure,
    pytest_xdist_make_scheduler,
)

__all__ = [
    "bench",
    "cell",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_cardembed_prepare",
    "pytest_configure",
    "pytest_xdist_make_scheduler",
]
