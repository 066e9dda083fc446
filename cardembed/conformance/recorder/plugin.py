"""The pytest plugin: `-p cardembed.conformance.recorder`, as features/pytest.ini has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cardembed.conformance.chip_record import FOLDER
from cardembed.conformance.patience import Patience
from cardembed.conformance.recorder import hooks
from cardembed.conformance.recorder.cell import Cell
from cardembed.conformance.recorder.controller import Controller
from cardembed.conformance.recorder.executor import CELL, Executor
from cardembed.conformance.recorder.hooks import Prepared
from cardembed.conformance.recorder.options import Options, add_options, read_options
from cardembed.conformance.spec import CellSpec, cell_specs
from cardembed.doctor import usable_cpus
from cardembed.errors import CardembedError

if TYPE_CHECKING:
    from cardembed.conformance.measure.bench import Bench

_PREPARED = pytest.StashKey[Callable[[], Prepared]]()
_EXECUTOR = pytest.StashKey[Executor]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hook that prepares what is judged."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(trylast=True)
def pytest_cardembed_prepare(config: pytest.Config, options: Options, say: Callable[[str], None]) -> Prepared:
    """A release on a catalogue and a photo set, as the options name them or by default."""
    del config
    from cardembed.conformance.measure.bench import prepare

    return prepare(options, say)


def pytest_configure(config: pytest.Config) -> None:
    """Read the features and the options; take the part of a controller, a worker, or both."""
    try:
        specs = cell_specs(config.rootpath)
    except CardembedError as error:
        raise pytest.UsageError(str(error)) from error
    for tag in sorted({spec.criterion for spec in specs} | {"reported"}):
        config.addinivalue_line("markers", f"{tag}: the criterion of a feature")
    targets = tuple(dict.fromkeys(spec.target for spec in specs if spec.target != "-"))
    options = read_options(config, targets)
    worker = getattr(config, "workerinput", {}).get("cardembed")
    if worker is not None:
        prepared = Prepared.model_validate(worker["prepared"])
        config.stash[_PREPARED] = lambda: prepared
        _execute(config, specs, options, Path(worker["run_dir"]))
    elif config.option.collectonly:
        _execute(config, specs, options, None)
    else:
        controller = Controller(config, specs, config.rootpath, options)
        config.pluginmanager.register(controller, "cardembed-controller")
        if not getattr(config.option, "tx", None):  # no xdist workers: this process executes as well
            config.stash[_PREPARED] = lambda: _ready(controller)
            _execute(config, specs, options, controller.run_dir)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:  # noqa: ANN401 - xdist may be absent
    """Workers take a target each; a crash costs the cell that crashed, and no other."""
    if config.getvalue("dist") != "loadgroup":
        return None  # the user chose another
    from cardembed.conformance.recorder.scheduler import CrashProofScheduling

    return CrashProofScheduling(config, log)


def _ready(controller: Controller) -> Prepared:
    assert controller.prepared is not None
    return controller.prepared


def _execute(config: pytest.Config, specs: list[CellSpec], options: Options, run_dir: Path | None) -> None:
    shared = None if run_dir is None else run_dir / FOLDER
    patience = None if options.device is None else Patience(folder=shared)
    executor = Executor(specs, config.rootpath, options.targets, run_dir, patience)
    config.stash[_EXECUTOR] = executor
    config.pluginmanager.register(executor, "cardembed-executor")


@pytest.fixture
def cell(request: pytest.FixtureRequest) -> Cell:
    """The cell that this scenario executes."""
    found: Cell | None = request.node.stash.get(CELL, None)
    if found is None:
        raise pytest.UsageError(f"{request.node.nodeid} is no scenario of {request.config.rootpath}")
    return found


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The release, its embedders and the photos, opened when first needed, once in each process."""
    from cardembed.conformance.measure.bench import Bench

    prepared = request.config.stash[_PREPARED]()
    workers = getattr(request.config, "workerinput", {}).get("workercount", 1)
    executor = request.config.stash[_EXECUTOR]
    with Bench(
        prepared.bench,
        threads=max(1, usable_cpus() // workers),
        run_dir=executor.run_dir,
        patience=executor.patience,
    ) as opened:
        yield opened
