"""A Mac that is none: Apple's runtime and its compute plan, in place of which our executor answers."""

from types import SimpleNamespace
from typing import ClassVar

PLAN = ("MLCPUComputeDevice", None, "MLNeuralEngineComputeDevice", "MLCPUComputeDevice")
"""What the compute plan prefers for each operation; None of a constant."""


class FakeMLModel:
    """As coremltools' `MLModel` on a Mac; computes in an arithmetic that is none of the default's."""

    asked: ClassVar = []

    def __init__(self, path, compute_units):
        from cardembed.coreml.model import CoreMLModel

        self.asked.append(compute_units.name)
        self.model = CoreMLModel.load(path, "float16-pessimistic")

    def predict(self, data):
        return self.model.predict(data)

    def get_compiled_model_path(self):
        return "model.mlmodelc"


def be_a_mac(monkeypatch, plan=PLAN, model=FakeMLModel):
    """Fake macOS with Core ML, for what opens artefacts alone: the converter stays what it is.

    `plan` None is a system that does not tell its plan; `model` is coremltools' `MLModel`.
    """
    import coremltools
    from coremltools.models import compute_plan

    monkeypatch.setattr("cardembed.embedders.apple.platform", SimpleNamespace(system=lambda: "Darwin"))
    tools = SimpleNamespace(ComputeUnit=coremltools.ComputeUnit, models=SimpleNamespace(MLModel=model))
    monkeypatch.setattr("cardembed.embedders.apple.require", lambda *_, **__: tools)
    monkeypatch.setattr(FakeMLModel, "asked", [])

    def load_from_path(path, compute_units):
        if plan is None:
            raise ValueError("MLComputePlan is not supported.")
        block = SimpleNamespace(operations=[name and type(name, (), {})() for name in plan])
        program = SimpleNamespace(functions={"main": SimpleNamespace(block=block)})
        return SimpleNamespace(
            model_structure=SimpleNamespace(program=program),
            get_compute_device_usage_for_mlprogram_operation=lambda one: (
                one and SimpleNamespace(preferred_compute_device=one)
            ),
        )

    monkeypatch.setattr(compute_plan.MLComputePlan, "load_from_path", load_from_path)
    return FakeMLModel
