"""What a machine has, and at which fidelity it can therefore execute each target."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cardembed._io import cache_root
from cardembed._revision import package_version
from cardembed._version import __version__
from cardembed.conformance.chip_setup import CHIP_TARGET
from cardembed.errors import CardembedError
from cardembed.hailo.driver import attached_devices
from cardembed.hailo.resource import ChipResource, hailo_platform
from cardembed.models.profiles import TARGETS

__all__ = ["Examination", "PackageState", "TargetState", "examine", "usable_cpus"]


_PACKAGES = {
    # distribution: what it is used for
    "numpy": "arrays",
    "pillow": "images",
    "faiss-cpu": "exact search",
    "scipy": "confidence bounds",
    "onnxruntime": "server, android and hailo8l",
    "pytest-bdd": "features",
    "securesystemslib": "signed evidence",
    "torch": "teacher; export of all other targets; training (extra: train)",
    "torchvision": "training augmentation (extra: train)",
    "timm": "architectures (extra: train)",
    "coremltools": "ios: Core ML programs, written and read (extra: coreml)",
    "hailo_platform": "the Hailo chip (apt install hailo-all; not on PyPI)",
}
_WITH_TORCH = "PyTorch executes the weights"
_WITH_ORT = "ONNX Runtime executes the ONNX file"
_WITH_INT8 = "ONNX Runtime executes the INT8 network; AC-5 needs the chip"
_WITH_SIMULATOR = (
    "ONNX Runtime executes the INT8 network if the release ships it, or a .simhef: --device simulator"
)
_WITH_COREML = "its Core ML program is executed: on a Mac by Apple's runtime, elsewhere by cardembed.coreml"
_NO_COREML = 'Core ML tools are missing: pip install "cardembed[coreml]"'
_NO_TORCH = 'PyTorch is missing: pip install "cardembed[train]"'


class PackageState(BaseModel):
    """One package."""

    model_config = ConfigDict(frozen=True)
    name: str
    """The distribution's name."""
    version: str | None
    """Its version, None where it is not installed."""
    purpose: str
    """What cardembed uses it for."""


class TargetState(BaseModel):
    """One target on this machine."""

    model_config = ConfigDict(frozen=True)
    target: str
    """The target's name."""
    fidelity: str | None
    """The highest fidelity of a result made here, None where the target cannot be executed."""
    reason: str
    """By what it is executed, or what is missing."""


class Examination(BaseModel):
    """What `examine` found."""

    model_config = ConfigDict(frozen=True)
    version: str
    """cardembed's version."""
    python: str
    """Python's version."""
    machine: str
    """Operating system, architecture and the number of CPUs this process may use."""
    packages: tuple[PackageState, ...]
    """Every package that matters."""
    targets: tuple[TargetState, ...]
    """Every target."""
    cache: str
    """The cache folder."""
    cache_bytes: int
    """The cache's size in bytes."""
    signing_key: str
    """Where the signing key lies, or that there is none yet."""
    public_key: str | None
    """The public key as a policy names it, None while there is no key."""


def _version(name: str) -> str | None:
    if (version := package_version(name)) is not None:
        return version
    module = name.replace("-", "_")  # Debian's packages carry no distribution metadata
    return "installed" if importlib.util.find_spec(module) is not None else None


def usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0


def _target(target: str, *, torch: bool, onnxruntime: bool, coreml: bool) -> TargetState:
    if target in ("server", "android"):
        if not onnxruntime:
            return TargetState(target=target, fidelity=None, reason="onnxruntime is missing")
        note = _WITH_ORT if torch else f"{_WITH_ORT} if the release holds it; exporting it needs PyTorch"
        return TargetState(target=target, fidelity="runtime", reason=note)
    if target == CHIP_TARGET:
        return _chip_target(torch=torch, onnxruntime=onnxruntime)
    if not torch:
        return TargetState(target=target, fidelity=None, reason=_NO_TORCH)
    found: dict[str, tuple[str | None, str]] = {
        "ios": (None, _NO_COREML),
    }
    if coreml:
        found["ios"] = ("runtime" if platform.system() == "Darwin" else "emulated", _WITH_COREML)
    fidelity, reason = found.get(target, ("reference", _WITH_TORCH))
    return TargetState(target=target, fidelity=fidelity, reason=reason)


def _chip_target(*, torch: bool, onnxruntime: bool) -> TargetState:
    """What executes hailo8l, best first; a scan for chips opens none."""
    try:
        ids = ", ".join(attached_devices(ChipResource(hailo_platform())))
    except CardembedError as error:
        missing = f"no chip: {error.found}"
    else:
        note = f"the chip {ids} executes a HEF: pytest features/ --target hailo8l --device"
        return TargetState(target=CHIP_TARGET, fidelity="device", reason=note)
    if not onnxruntime:
        return TargetState(target=CHIP_TARGET, fidelity=None, reason=f"onnxruntime is missing; {missing}")
    note = _WITH_INT8 if torch else _WITH_SIMULATOR
    return TargetState(target=CHIP_TARGET, fidelity="emulated", reason=f"{note} ({missing})")


def _key() -> tuple[str, str | None]:
    from cardembed.conformance.signing import load_key, signing_key_path

    path = signing_key_path()
    if not path.is_file():
        return f"{path} (made at the first run)", None
    return str(path), load_key(path).public_text


def examine() -> Examination:
    """Look at this machine: packages, targets, cache, signing key. Changes nothing, needs no network."""
    packages = tuple(
        PackageState(name=name, version=_version(name), purpose=purpose)
        for name, purpose in _PACKAGES.items()
    )
    have = {package.name for package in packages if package.version}
    torch, onnxruntime = {"torch", "timm"} <= have, "onnxruntime" in have
    signing_key, public_key = _key()
    return Examination(
        version=__version__,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.release()} {platform.machine()}, {usable_cpus()} CPUs",
        packages=packages,
        targets=tuple(
            _target(target, torch=torch, onnxruntime=onnxruntime, coreml="coremltools" in have)
            for target in TARGETS
        ),
        cache=str(cache_root()),
        cache_bytes=_size(cache_root()),
        signing_key=signing_key,
        public_key=public_key,
    )
