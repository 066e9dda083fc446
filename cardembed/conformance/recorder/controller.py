"""The process that the user started: it prepares, gathers, publishes and decides the exit code."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cardembed.conformance.chip_record import FOLDER, ChipRecord, as_evidence, read_records
from cardembed.conformance.chip_setup import SIMULATOR
from cardembed.conformance.predicate import BundlePredicate
from cardembed.conformance.recorder import terminal
from cardembed.conformance.recorder.chip_outcomes import on_chip, without_void
from cardembed.conformance.recorder.executor import COLLECTIONS, read_collections
from cardembed.conformance.recorder.hooks import Prepared
from cardembed.conformance.recorder.ledger import CellOutcome, Ledger
from cardembed.conformance.recorder.options import Options
from cardembed.conformance.recorder.publish import predicate, publish
from cardembed.conformance.signing import load_or_create_key
from cardembed.conformance.spec import CellSpec
from cardembed.conformance.states import State
from cardembed.errors import CardembedError

__all__ = ["Controller", "new_run_id"]

_KEEP = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)


def new_run_id() -> str:
    """Such as 20250131T120000Z-1f3a9c: in order of time, and unlike any other."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class Controller:
    """Plugin of the controlling process.

    Args:
        config: pytest's.
        specs: All cells of the features.
        features_dir: Their folder.
        options: The command line.
    """

    def __init__(
        self, config: pytest.Config, specs: Sequence[CellSpec], features_dir: Path, options: Options
    ) -> None:
        self.config = config
        self.specs = list(specs)
        self.features_dir = features_dir
        self.options = options
        self.run_id = new_run_id()
        self.bundle = options.report or features_dir.parent / "reports" / self.run_id
        self.run_dir = self.bundle.parent / f".{self.bundle.name}.{self.run_id[-6:]}.part"
        asked = {Path(config.invocation_params.dir, str(arg).split("::")[0]).resolve() for arg in config.args}
        self.ledger = Ledger(self.run_dir, whole=features_dir.resolve() in asked)
        self.prepared: Prepared | None = None
        self.chip: list[ChipRecord] = []
        self.outcomes: list[CellOutcome] = []
        self.published: Path | None = None
        self.problem: str | None = None
        self.started = datetime.now(UTC)
        self.clock = time.monotonic()

    def say(self, line: str) -> None:
        """Write a line to the terminal, at once."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(line)
            reporter.flush()

    def pytest_sessionstart(self) -> None:
        """Check and make what all workers need, before any of them starts."""
        try:
            self.prepared = self.config.hook.pytest_cardembed_prepare(
                config=self.config, options=self.options, say=lambda text: self.say(f"cardembed: {text}")
            )
            load_or_create_key()  # a key that cannot be used is known now, not after the run
            self.run_dir.mkdir(parents=True)
        except CardembedError as error:
            raise pytest.UsageError(str(error)) from error
        except OSError as error:
            raise pytest.UsageError(f"--report {self.bundle}: cannot be written: {error}") from error

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's WorkerController
        """Tell a worker where it writes and what it judges."""
        assert self.prepared is not None
        node.workerinput["cardembed"] = {
            "run_dir": str(self.run_dir),
            "prepared": self.prepared.model_dump(mode="json"),
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A report arrived, from here or from a worker."""
        self.ledger.add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported leaves its cells without a test."""
        if report.failed:
            lines = str(report.longrepr).strip().splitlines()
            self.ledger.collection_errors.append(lines[-1] if lines else report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge what arrived, publish it, and set the exit code."""
        if self.prepared is None or not self.run_dir.is_dir():
            return
        cells, deselected = read_collections(self.run_dir)
        self.chip = read_records(self.run_dir)
        self.outcomes = without_void(self.ledger.outcomes(self.specs, cells, deselected), self.chip)
        if session.exitstatus not in _KEEP:
            session.exitstatus = self._exit_code(int(session.exitstatus))
        for folder in (COLLECTIONS, FOLDER):
            shutil.rmtree(self.run_dir / folder, ignore_errors=True)
        try:
            self.published = publish(self._predicate(), self.run_dir, self.bundle)
        except (CardembedError, OSError) as error:
            self.problem = f"the evidence could not be written: {error}"
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _exit_code(self, code: int) -> int:
        if any(outcome.bad for outcome in self.outcomes):
            return int(pytest.ExitCode.TESTS_FAILED)
        if not any(outcome.state is State.PASS for outcome in self.outcomes):  # reports alone decide nothing
            return code or int(pytest.ExitCode.NO_TESTS_COLLECTED)
        if self._idle:
            return code or int(pytest.ExitCode.TESTS_FAILED)  # what was asked for did not happen
        return code

    @property
    def _idle(self) -> bool:
        """Whether a device was asked for and executed nothing."""
        return self.options.device is not None and not any(map(on_chip, self.outcomes))

    def _predicate(self) -> BundlePredicate:
        assert self.prepared is not None
        return predicate(
            self.outcomes,
            self.prepared,
            self.options,
            run_id=self.run_id,
            started=self.started,
            features_dir=self.features_dir,
            seconds=self.seconds,
            device=as_evidence(self.chip),
        )

    @property
    def seconds(self) -> float:
        """Since the process began with this plugin."""
        return time.monotonic() - self.clock

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The matrix, what is not green and why, and where the evidence lies."""
        if not self.outcomes:
            return
        terminalreporter.section("cardembed: criterion × target")
        for line in terminal.matrix(self.outcomes):
            terminalreporter.write_line(line)
        bad = terminal.problems(self.outcomes)
        if bad:
            terminalreporter.section("cardembed: not passed")
            for line in bad:
                terminalreporter.write_line(line)
        terminalreporter.write_line("")
        overhead = terminal.overhead(self.outcomes, self.seconds)
        if overhead is not None:
            terminalreporter.write_line(overhead)
        for line in terminal.chip_lines(self.chip):
            terminalreporter.write_line(line)
        if self.published is not None:
            terminalreporter.write_line(f"report: {self.published / 'report.html'}")

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """The last line, below pytest's own."""
        if self.problem:
            self.say(f"cardembed: {self.problem}")
        if self.outcomes:
            simulated = self.options.device == SIMULATOR
            self.say(terminal.last_line(self.outcomes, idle=self._idle, simulated=simulated))
        shutil.rmtree(self.run_dir, ignore_errors=True)
