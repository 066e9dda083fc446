"""The simulated HEF: a zip file that names its ONNX network, ports, quantisation and architecture.

A real HEF begins with the bytes 01 48 45 46, a zip file with 50 4B: neither is taken for the other, and
HailoRT refuses the simulated one (status 92). Members are stored, not compressed, so that nothing in it is
larger than the file.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cardembed._io import atomic_write_bytes, sha256_bytes
from cardembed._validation import first_problems
from cardembed.errors import ReleaseError

__all__ = [
    "MAGIC",
    "Normalisation",
    "Quant",
    "SimulatedHef",
    "calibrate",
    "is_simulated",
    "read_simulated_hef",
    "write_simulated_hef",
]

MAGIC = b"PK\x03\x04"
"""A simulated HEF's first bytes."""
_MANIFEST, _NETWORK = "simulated-hef.json", "network.onnx"
_MANIFEST_LIMIT = 4 << 20
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quant(BaseModel):
    """`value = (q − zero_point) · scale`."""

    model_config = _STRICT
    zero_point: float = 0.0
    """In steps."""
    scale: float = Field(default=1.0, gt=0)
    """Value of a step."""


class Normalisation(BaseModel):
    """What the chip does to pixels before the network: `(x − mean) / std`, in levels of 0 … 255."""

    model_config = _STRICT
    mean: tuple[float, float, float]
    """A channel."""
    std: tuple[float, float, float]
    """A channel."""


class SimulatedHef(BaseModel):
    """The manifest of a simulated HEF."""

    model_config = _STRICT
    simulated: Literal[True] = True
    """It is never a real one."""
    schema_version: Literal[1] = 1
    """Of this format."""
    architecture: Literal["hailo8", "hailo8l", "hailo15h", "hailo15m"] = "hailo8l"
    """What it claims to be compiled for, as `--hw-arch` names it."""
    network: str = Field(default="network", min_length=1, max_length=200)
    """Name of the network group."""
    size: int = Field(ge=1, le=4096)
    """Side of the square RGB input."""
    features: int = Field(ge=1, le=1 << 20)
    """Length of the output vector."""
    input: Quant = Quant()
    """Of the uint8 input; 0 and 1 where the network takes levels of 0 … 255."""
    normalisation: Normalisation | None = None
    """The chip's, in front of an ONNX network that takes normalised input; None where the graph has it."""
    output: tuple[Quant, ...] = Field(min_length=1)
    """Of the integer output: one, or one a feature."""
    output_bits: Literal[8, 16] = 8
    """Of the output's integers."""
    bottleneck_fps: float = Field(default=0.0, ge=0)
    """The compiler's estimate; 0 where there is none."""
    onnx_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the network's bytes."""


def is_simulated(path: Path | str) -> bool:
    """Whether a file claims to be a simulated HEF, by its first bytes; False where there is no such file."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_simulated_hef(data: bytes) -> tuple[SimulatedHef, bytes]:
    """Manifest and ONNX network of a simulated HEF's bytes.

    Raises:
        ReleaseError: No simulated HEF, or a damaged one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename: info for info in archive.infolist()}
            for name in (_MANIFEST, _NETWORK):
                if members[name].compress_type != zipfile.ZIP_STORED or members[name].file_size > len(data):
                    raise _bad(f"a compressed {name}")
            if members[_MANIFEST].file_size > _MANIFEST_LIMIT:
                raise _bad("a manifest of more than 4 MiB")
            manifest = SimulatedHef.model_validate(json.loads(archive.read(_MANIFEST)))
            onnx = archive.read(_NETWORK)
    except ValidationError as error:
        raise _bad(first_problems(error)) from error
    except KeyError as error:
        raise _bad(f"no {error.args[0]}") from error
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RecursionError, EOFError) as error:
        raise _bad(str(error) or type(error).__name__) from error
    if len(manifest.output) not in (1, manifest.features):
        raise _bad(f"{len(manifest.output)} output quantisations of {manifest.features} features")
    if sha256_bytes(onnx) != manifest.onnx_sha256:
        raise _bad("a network of another digest")
    return manifest, onnx


def write_simulated_hef(
    path: Path | str,
    onnx: bytes,
    *,
    size: int,
    output: tuple[Quant, ...],
    features: int = 768,
    input_quant: Quant | None = None,
    normalisation: Normalisation | None = None,
    output_bits: Literal[8, 16] = 8,
    architecture: Literal["hailo8", "hailo8l", "hailo15h", "hailo15m"] = "hailo8l",
    network: str = "network",
    bottleneck_fps: float = 0.0,
) -> SimulatedHef:
    """Write a simulated HEF atomically; the suffix `.simhef` is usual. Equal arguments give equal bytes.

    Args:
        path: Where.
        onnx: One float32 or uint8 input (1 or batch, 3, size, size) or (…, size, size, 3), one output
            (…, features).
        size: See `SimulatedHef`, as all that follow.
        output: See `calibrate`.
        features: Length of the output.
        input_quant: Of the input where the host normalises; 0 and 1 without.
        normalisation: The chip's.
        output_bits: 8 or 16.
        architecture: What it claims to be compiled for.
        network: Its name.
        bottleneck_fps: Its claimed speed.

    Returns:
        The manifest.
    """
    manifest = SimulatedHef(
        architecture=architecture,
        network=network,
        size=size,
        features=features,
        input=input_quant or Quant(),
        normalisation=normalisation,
        output=output,
        output_bits=output_bits,
        bottleneck_fps=bottleneck_fps,
        onnx_sha256=sha256_bytes(onnx),
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(manifest.model_dump(mode="json"), indent=1)
        for name, content in ((_MANIFEST, text.encode()), (_NETWORK, onnx)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    atomic_write_bytes(path, buffer.getvalue())
    return manifest


def calibrate(
    values: NDArray[np.floating], *, bits: Literal[8, 16] = 8, per_feature: bool = False
) -> tuple[Quant, ...]:
    """Quantisation that covers what was seen, and zero: of outputs (N, D), one or one a feature."""
    wide = values.astype(np.float64)
    axis = 0 if per_feature else None
    low = np.atleast_1d(np.minimum(wide.min(axis=axis), 0.0))
    high = np.atleast_1d(np.maximum(wide.max(axis=axis), 0.0))
    steps = 2**bits - 1
    scale = np.where(high > low, (high - low) / steps, 1.0)
    zero = np.rint(-low / scale)
    return tuple(Quant(zero_point=float(z), scale=float(s)) for z, s in zip(zero, scale, strict=True))


def _bad(found: str) -> ReleaseError:
    return ReleaseError(
        "simulated HEF",
        expected="a stored zip file with a manifest and an ONNX network",
        found=found,
        action="write it anew with write_simulated_hef",
    )
