import sys
from types import ModuleType

import pytest

from cardembed.embedders.coreml import CoreMLProgram
from cardembed.embedders.hailo import HailoEmbedder
from cardembed.errors import UnavailableError


def test_without_hailos_module_the_package_is_named():
    with pytest.raises(UnavailableError, match="apt install hailo-all") as error:
        HailoEmbedder("convnext_tiny.hef")
    assert "\n" not in str(error.value)


def test_with_hailos_module_there_is_still_no_driver(monkeypatch):
    module = ModuleType("hailo_platform")
    module.__spec__ = sys.__spec__
    monkeypatch.setitem(sys.modules, "hailo_platform", module)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: module.__spec__ or True)
    with pytest.raises(UnavailableError, match="this version of cardembed"):
        HailoEmbedder("convnext_tiny.hef")


def test_core_ml_programs():
    with pytest.raises(UnavailableError, match="fidelity reference"):
        CoreMLProgram("CardEmbedding.mlpackage")
