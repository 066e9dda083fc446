"""The compile kit: a folder with all that Hailo's Dataflow Compiler needs, for a machine that has it."""

from __future__ import annotations

import io
import shlex
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cardembed._io import atomic_write_bytes, atomic_write_json, atomic_write_text, sha256_file
from cardembed._version import __version__
from cardembed.export.hailo import compiler
from cardembed.export.hailo.calibration import LEAST, CalibrationSet, calibration_set
from cardembed.export.hailo.manifest import Images, KitManifest
from cardembed.export.hailo.parser import write_for_parser
from cardembed.export.hailo.script import OUTPUT_LAYER, model_script
from cardembed.export.record import tool_versions
from cardembed.export.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardembed.cards.photo_set import PhotoSet

__all__ = ["COMPILE", "EVALUATED", "SHELL", "SUMS", "write_kit"]

EVALUATED = 64
"""Images that the emulation is compared on."""
COMPILE, SHELL, SUMS = "compile.py", "compile.sh", "SHA256SUMS"
_CALIBRATION, _IMAGES, _EMBEDDINGS = "calibration.npy", "evaluation.npy", "embeddings.npy"


def write_kit(
    source: Source,
    out: Path,
    photos: PhotoSet,
    *,
    target: str = "hailo8l",
    verdict: PhotoSet | None = None,
    count: int = LEAST,
    evaluated: int = EVALUATED,
    seed: int = 0,
    sixteen_bit: Sequence[str] = (OUTPUT_LAYER,),
    optimisation: int = 2,
) -> KitManifest:
    """Write a kit; its manifest comes last, so that a folder without one is no kit.

    Args:
        source: The student.
        out: The folder; files of an earlier kit in it are replaced.
        photos: Development photos, to draw calibration and evaluation images from.
        target: The target, called as its chip is.
        verdict: Photos that decide: none of the images may be among them.
        count: Calibration images; the compiler asks for 1,024.
        evaluated: Further images, on which the compiler's emulation is compared with the float student.
        seed: Decides which.
        sixteen_bit: Layers whose results have 16 bits, by the parser's names, besides the recipe's.
        optimisation: The compiler's optimisation level.

    Raises:
        PhotoSetError: As `calibration_set`.
        ExportError: The network cannot be written as the parser takes it.
        UsageError: A name that no layer can have.
    """
    network = source.name
    drawn = calibration_set(photos, source.preprocessing, count=count + evaluated, seed=seed, verdict=verdict)
    script = model_script(
        network,
        source.preprocessing,
        layer_norms=any(isinstance(module, nn.LayerNorm) for module in source.model.modules()),
        calibration=count,
        sixteen_bit=sixteen_bit,
        optimisation=optimisation,
    )
    out.mkdir(parents=True, exist_ok=True)
    for name in (compiler.MANIFEST, compiler.COMPILED):
        (out / name).unlink(missing_ok=True)  # they would speak of other files
    with tempfile.TemporaryDirectory(dir=out, prefix=".kit-") as temporary:
        written = Path(temporary) / f"{network}.onnx"
        start, end = write_for_parser(source, written)
        written.replace(out / written.name)
    calibration = CalibrationSet(drawn.images[:count], drawn.photos[:count])
    evaluation = CalibrationSet(drawn.images[count:], drawn.photos[count:])
    _save(out / _CALIBRATION, calibration.images)
    _save(out / _IMAGES, evaluation.images)
    _save(out / _EMBEDDINGS, _embedded(source, evaluation.images))
    atomic_write_text(out / f"{network}.alls", script)
    atomic_write_bytes(out / COMPILE, Path(compiler.__file__).read_bytes())
    atomic_write_bytes(out / SHELL, _shell(network, target, start, end).encode(), mode=0o755)
    names = (
        f"{network}.onnx", f"{network}.alls", _CALIBRATION, _IMAGES, _EMBEDDINGS, COMPILE, SHELL,
    )  # fmt: skip
    files = {name: sha256_file(out / name) for name in names}

    def described(images: CalibrationSet, file: str, embeddings: str | None = None) -> Images:
        return Images(
            images=file, count=len(images.images), digest=images.digest, photos_digest=photos.digest,
            photos=images.photos, seed=seed, embeddings=embeddings,
        )  # fmt: skip

    manifest = KitManifest(
        cardembed=__version__,
        target=target,
        hw_arch=target,
        network=network,
        onnx=f"{network}.onnx",
        script=f"{network}.alls",
        input=start,
        start_node_names=(start,),
        end_node_names=(end,),
        normalised="chip",
        preprocessing=asdict(source.preprocessing),
        embedding_dim=source.model.embedding_dim,
        weights_sha256=source.weights_sha256,
        release_digest=source.release_digest,
        sixteen_bit=tuple(sixteen_bit),
        calibration=described(calibration, _CALIBRATION),
        evaluation=described(evaluation, _IMAGES, _EMBEDDINGS),
        files=files,
        tools=tool_versions(("torch", "timm", "onnx")),
    )
    atomic_write_text(out / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items())))
    atomic_write_json(out / compiler.MANIFEST, manifest.model_dump(mode="json"))
    return manifest


def _embedded(source: Source, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The float student's answers (N, D), of length 1."""
    import torch

    with torch.inference_mode():
        rows = [source.model(torch.from_numpy(source.preprocessing.batch([image]))) for image in images]
    found: NDArray[np.float32] = torch.cat(rows).numpy()
    return found


def _save(path: Path, array: NDArray[np.generic]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    atomic_write_bytes(path, buffer.getvalue())


def _shell(network: str, hw_arch: str, start: str, end: str) -> str:
    parser = [
        "hailo", "parser", "onnx", f"{network}.onnx", "--hw-arch", hw_arch, "--net-name", network,
        "--har-path", f"{network}.har", "--start-node-names", start, "--end-node-names", end, "-y",
    ]  # fmt: skip
    optimise = [
        "hailo", "optimize", f"{network}.har", "--hw-arch", hw_arch, "--calib-set-path", _CALIBRATION,
        "--model-script", f"{network}.alls", "--output-har-path", f"{network}_optimized.har",
    ]  # fmt: skip
    compile_it = ["hailo", "compiler", f"{network}_optimized.har", "--hw-arch", hw_arch, "--output-dir", "."]
    return "\n".join(
        [
            "#!/bin/sh",
            "# By Hailo's commands, without comparing with the float student: `python3 compile.py` does",
            "# and leaves the figures in compiled.json.",
            "set -eu",
            'cd "$(dirname "$0")"',
            f"sha256sum --check --quiet {SUMS}",
            shlex.join(parser),
            shlex.join(optimise),
            shlex.join(compile_it),
            "",
        ]
    )
