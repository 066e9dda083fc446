"""What a machine has, and at which fidelity it can therefore execute each target."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cardembed._io import cache_root
from cardembed._version import __version__
from cardembed.models.profiles import TARGETS

__all__ = ["Examination", "PackageState", "TargetState", "examine", "usable_cpus"]

_PACKAGES = {
    # distribution: what it is used for
    "numpy": "arrays",
    "pillow": "images",
    "faiss-cpu": "exact search",
    "scipy": "confidence bounds",
    "onnxruntime": "server and android",
    "pytest-bdd": "features",
    "securesystemslib": "signed evidence",
    "torch": "teacher, ios and hailo8l at fidelity reference; export; training (extra: train)",
    "torchvision": "training augmentation (extra: train)",
    "timm": "architectures (extra: train)",
    "coremltools": "Core ML export (extra: coreml)",
    "hailo_platform": "the Hailo chip (apt install hailo-all; not on PyPI)",
}
_WITH_TORCH = "PyTorch executes the weights"
_WITH_ORT = "ONNX Runtime executes the ONNX file"
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
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        module = name.replace("-", "_")  # Debian's packages carry no distribution metadata
        return "installed" if importlib.util.find_spec(module) is not None else None


def usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0


def _target(target: str, *, torch: bool, onnxruntime: bool) -> TargetState:
    if target in ("server", "android"):
        if not onnxruntime:
            return TargetState(target=target, fidelity=None, reason="onnxruntime is missing")
        note = _WITH_ORT if torch else f"{_WITH_ORT} if the release holds it; exporting it needs PyTorch"
        return TargetState(target=target, fidelity="runtime", reason=note)
    if not torch:
        return TargetState(target=target, fidelity=None, reason=_NO_TORCH)
    later = {
        "ios": "; executing the Core ML program itself is not part of this version",
        "hailo8l": "; the Hailo driver is not part of this version, so AC-5 is not run",
    }
    return TargetState(target=target, fidelity="reference", reason=_WITH_TORCH + later.get(target, ""))


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
        targets=tuple(_target(target, torch=torch, onnxruntime=onnxruntime) for target in TARGETS),
        cache=str(cache_root()),
        cache_bytes=_size(cache_root()),
        signing_key=signing_key,
        public_key=public_key,
    )
