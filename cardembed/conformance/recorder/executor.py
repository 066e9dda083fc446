"""Where scenarios run (a worker, or the only process): which test is which cell, and what its steps did."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd.parser import Feature, Scenario, Step
from pytest_bdd.scenario import scenario_wrapper_template_registry

from cardembed._io import atomic_write_json
from cardembed.conformance.patience import Patience
from cardembed.conformance.predicate import StepRecord
from cardembed.conformance.recorder.cell import PROPERTY, Cell, begun
from cardembed.conformance.recorder.verdict import CellFailedError, CellInconclusiveError, one_line, status_of
from cardembed.conformance.spec import CellSpec, spec_for
from cardembed.conformance.states import StepStatus
from cardembed.errors import CardembedError, FeatureError, InfrastructureError, UnavailableError

__all__ = ["CELL", "COLLECTIONS", "Executor"]

CELL = pytest.StashKey[Cell]()
_SPEC = pytest.StashKey[CellSpec]()
COLLECTIONS = ".collected"
"""Folder of the run's directory where each process writes which test is which cell."""
_UNGROUPED = ("", "-")


class Executor:
    """Plugin of the process that executes scenarios.

    Args:
        specs: All cells of the features.
        features_dir: Their folder.
        targets: Execute only these; all where empty.
        run_dir: Where the run's evidence is gathered; None when tests are only listed.
        patience: With a device that gives no answer; None where no device is driven.
    """

    def __init__(
        self,
        specs: Sequence[CellSpec],
        features_dir: Path,
        targets: Sequence[str],
        run_dir: Path | None,
        patience: Patience | None = None,
    ) -> None:
        self.patience = patience
        self.specs = specs
        self.features_dir = features_dir
        self.targets = targets
        self.run_dir = run_dir
        self.deselected: dict[str, str] = {}

    # Collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Find each test's cell, group them by target for xdist, leave out the targets not asked for."""
        kept, left_out = [], []
        for item in items:
            spec = self._spec(item)
            if spec is not None:
                item.stash[_SPEC] = spec
                if spec.target not in _UNGROUPED:  # a target's embeddings are made by one worker
                    item.add_marker(pytest.mark.xdist_group(spec.target))
                if self.targets and spec.target not in self.targets:
                    self.deselected[spec.id] = f"--target {','.join(self.targets)}"
                    left_out.append(item)
                    continue
            kept.append(item)
        if left_out:
            items[:] = kept
            config.hook.pytest_deselected(items=left_out)

    def _spec(self, item: pytest.Item) -> CellSpec | None:
        template = scenario_wrapper_template_registry.get(getattr(item, "obj", None))  # type: ignore[arg-type]
        if template is None:
            return None
        path = Path(template.feature.filename)
        callspec = getattr(item, "callspec", None)
        example = callspec.params.get("_pytest_bdd_example", {}) if callspec else {}
        try:
            relative = path.relative_to(self.features_dir).as_posix()
            return spec_for(self.specs, relative, template.name, example)
        except (ValueError, FeatureError):
            return None  # a scenario from elsewhere is a test, but no cell

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Remember what other options (`-k`, `-m`, `--lf`) leave out."""
        for item in items:
            spec = item.stash.get(_SPEC, None) or self._spec(item)
            if spec is not None:
                self.deselected.setdefault(spec.id, "deselected by an option of pytest")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write which test is which cell: the controller learns of it even if this process dies."""
        if self.run_dir is None:
            return
        cells = {item.nodeid: item.stash[_SPEC].id for item in session.items if _SPEC in item.stash}
        name = os.environ.get("PYTEST_XDIST_WORKER", "main")
        atomic_write_json(
            self.run_dir / COLLECTIONS / f"{name}-{os.getpid()}.json",
            {"cells": cells, "deselected": self.deselected},
        )

    # Execution

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Give the test its cell, anew for every attempt."""
        spec = item.stash.get(_SPEC, None)
        if spec is not None and self.run_dir is not None:
            item.stash[CELL] = Cell(spec, self.run_dir)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """What this machine cannot do is a skip to pytest; a device without an answer is asked once more."""
        try:
            try:
                return (yield)
            except InfrastructureError as error:
                cell = item.stash.get(CELL, None)
                if cell is None or self.patience is None or not self.patience.again(error):
                    raise
                cell.again(error)
                item.runtest()
                return None
        except UnavailableError as error:
            raise pytest.skip.Exception(str(error)) from error

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send the record with the report; a verdict is a line, not a traceback."""
        report = yield
        cell = item.stash.get(CELL, None)
        if cell is None or call.when == "teardown":
            return report
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, pytest.skip.Exception) and cell.record.steps:
            last = cell.record.steps[-1]
            if last.status is StepStatus.ERROR:  # pytest-bdd tells no hook of a skip
                last.status, last.reason = StepStatus.SKIPPED, one_line(error)
        if isinstance(error, CellFailedError | CellInconclusiveError | CardembedError):
            report.longrepr = one_line(error)
        if call.when == "call" or report.outcome != "passed":
            report.user_properties.append((PROPERTY, cell.record.model_dump(mode="json")))
        return report

    def pytest_bdd_before_step(self, request: pytest.FixtureRequest, step: Step) -> None:
        """The step begins."""
        cell = request.node.stash.get(CELL, None)
        if cell is not None:
            cell.record.steps.append(begun(step.name))

    def pytest_bdd_after_step(self, request: pytest.FixtureRequest) -> None:
        """The step returned; a claim may have said already how it ended."""
        cell = request.node.stash.get(CELL, None)
        if cell is not None and cell.record.steps[-1].status is StepStatus.ERROR:
            cell.record.steps[-1].status, cell.record.steps[-1].reason = StepStatus.PASSED, ""

    def pytest_bdd_step_error(self, request: pytest.FixtureRequest, exception: Exception) -> None:
        """The step raised."""
        cell = request.node.stash.get(CELL, None)
        if cell is not None:
            cell.record.steps[-1].status = status_of(exception)
            cell.record.steps[-1].reason = one_line(exception)

    def pytest_bdd_step_func_lookup_error(self, request: pytest.FixtureRequest, step: Step) -> None:
        """No step definition has the step's text."""
        cell = request.node.stash.get(CELL, None)
        if cell is not None:
            reason = f"undefined step: {step.name}"
            cell.record.steps.append(StepRecord(text=step.name, status=StepStatus.UNDEFINED, reason=reason))

    def pytest_bdd_after_scenario(
        self, request: pytest.FixtureRequest, feature: Feature, scenario: Scenario
    ) -> None:
        """Raise what the claims found, now that all of them were judged."""
        cell = request.node.stash.get(CELL, None)
        settled = (StepStatus.PASSED, StepStatus.FAILED, StepStatus.INCONCLUSIVE)
        if cell is not None and all(step.status in settled for step in cell.record.steps):
            cell.settle()


def read_collections(run_dir: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What every process collected: cell by node id, and the reason why a cell was left out."""
    cells: dict[str, str] = {}
    deselected: dict[str, str] = {}
    for file in sorted((run_dir / COLLECTIONS).glob("*.json")):
        found: Mapping[str, Any] = json.loads(file.read_bytes())
        cells.update(found["cells"])
        deselected.update(found["deselected"])
    return cells, deselected
