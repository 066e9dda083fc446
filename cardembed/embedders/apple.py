"""Apple's Core ML through coremltools: what a Mac alone executes. No test of this project has run it yet."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from cardembed._imports import require
from cardembed.errors import ArtefactError, UnavailableError

__all__ = [
    "APPLE_TARGET",
    "COMPUTE_UNITS",
    "ComputeUnits",
    "load_model",
    "on_macos",
    "other_units",
    "planned_units",
    "require_macos",
]

APPLE_TARGET = "ios"
"""The target that Core ML executes."""
ComputeUnits = Literal["ALL", "CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE"]
COMPUTE_UNITS: dict[str, tuple[str, ...]] = {
    "ALL": ("cpu", "gpu", "neuralEngine"),
    "CPU_ONLY": ("cpu",),
    "CPU_AND_GPU": ("cpu", "gpu"),
    "CPU_AND_NE": ("cpu", "neuralEngine"),
}
"""By coremltools' name, the units that may be used, named as the device app names them."""
_DEVICES = {
    "MLCPUComputeDevice": "cpu", "MLGPUComputeDevice": "gpu", "MLNeuralEngineComputeDevice": "neuralEngine",
}  # fmt: skip


def on_macos() -> bool:
    """Whether this is a Mac."""
    return platform.system() == "Darwin"


def require_macos(thing: object) -> None:
    """Refuse what only Apple's runtime can do; names `thing`.

    Raises:
        UnavailableError: This is no Mac.
    """
    if not on_macos():
        raise UnavailableError(
            thing, expected="macOS, for Apple's Core ML", found=platform.system(), action="run it on a Mac"
        )


def load_model(path: str | Path, units: ComputeUnits) -> Any:  # noqa: ANN401 - no types published
    """A coremltools `MLModel`, compiled and loaded; on a Mac alone: see `require_macos`.

    Raises:
        ArtefactError: Apple's compiler refuses the artefact.
        UnavailableError: Core ML tools are not installed.
    """
    tools: Any = require("coremltools", extra="coreml")
    try:
        return tools.models.MLModel(str(path), compute_units=getattr(tools.ComputeUnit, units))
    except Exception as error:  # what Apple's compiler says comes in several classes
        raise ArtefactError(
            path,
            expected="an artefact that Core ML compiles and loads",
            found=f"{type(error).__name__}: {error}",
            action="export it again: cardembed export coreml",
        ) from error


def planned_units(model: Any, units: ComputeUnits) -> tuple[str, ...]:  # noqa: ANN401 - no types published
    """The units that Core ML plans to run a loaded model's operations on, sorted; those that occur.

    Empty where it does not say: before macOS 14.4, or by Core ML tools that cannot ask for the plan.
    """
    tools: Any = require("coremltools", extra="coreml")
    try:
        plans: Any = importlib.import_module("coremltools.models.compute_plan")
        plan = plans.MLComputePlan.load_from_path(
            model.get_compiled_model_path(), compute_units=getattr(tools.ComputeUnit, units)
        )
        usages = _usages(plan)
    except Exception:  # a plan is a courtesy: whatever it fails by, the model was loaded and answers
        return ()
    preferred = (type(usage.preferred_compute_device).__name__ for usage in usages if usage is not None)
    return tuple(sorted({_DEVICES.get(name, name) for name in preferred}))


def other_units(units: ComputeUnits, used: Sequence[str]) -> str:
    """How the units that Core ML plans to use are others than those that it was asked for; "" where they fit.

    Args:
        units: What it was asked for: a GPU or Neural Engine that is named has to be used, "ALL" allows any.
        used: What it plans, as of `planned_units`, one at least.
    """
    allowed = COMPUTE_UNITS[units]
    named = () if units == "ALL" else allowed[-1:]
    if set(used) <= {*allowed} and {*named} <= set(used):
        return ""
    return f"Core ML plans {', '.join(used)} in place of {units}"


def _usages(plan: Any) -> list[Any]:  # noqa: ANN401 - no types published
    structure = plan.model_structure
    if structure.program is not None:
        operations = structure.program.functions["main"].block.operations
        return [plan.get_compute_device_usage_for_mlprogram_operation(one) for one in operations]
    layers = structure.neuralnetwork.layers
    return [plan.get_compute_device_usage_for_neuralnetwork_layer(one) for one in layers]
