import sys

import pytest

from cardembed.embedders.coreml import CoreMLProgram
from cardembed.embedders.hailo import HailoEmbedder
from cardembed.errors import UnavailableError


def test_without_hailos_module_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "hailo_platform", None)
    with pytest.raises(UnavailableError, match="apt install hailo-all") as error:
        HailoEmbedder("convnext_tiny.hef")
    assert "\n" not in str(error.value)


def test_core_ml_programs_without_pytorch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UnavailableError, match=r"cardembed\[train\]"):
        CoreMLProgram("CardEmbedding.mlpackage")
