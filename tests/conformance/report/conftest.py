import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # pytest's importlib mode leaves the helpers beside the tests out


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which every state occurs."""
    from sample_bundle import make_bundle

    return make_bundle(tmp_path_factory.mktemp("report") / "bundle")


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An earlier run of another release, complete, with another threshold in AC-1."""
    from sample_bundle import make_bundle

    out = tmp_path_factory.mktemp("report") / "baseline"
    return make_bundle(out, seed=1, complete=True, change=lambda text: text.replace("<0.2\n", "<0.25\n"))


@pytest.fixture(scope="session")
def page(bundle: Path) -> str:
    """Its report."""
    from cardembed.conformance.report import render_report

    return render_report(bundle)
