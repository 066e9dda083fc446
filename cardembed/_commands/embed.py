"""`cardembed embed`: images to embeddings."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Literal

import click
import numpy as np

from cardembed._commands._embedding import image_files, threads_option
from cardembed._commands._output import emit, json_option, progress, refuse_unwritable
from cardembed.errors import UsageError

__all__ = ["command"]


@click.command("embed")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--target", help="Which target of a release directory.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this .npy or .json file."
)
@click.option(
    "--normalised",
    type=click.Choice(["chip", "host"]),
    help="Of a .hef: who subtracts the mean; what the compile kit around it says without.",
)
@threads_option
@json_option
def command(
    *,
    artefact: Path,
    images: tuple[Path, ...],
    target: str | None,
    out: Path | None,
    normalised: Literal["chip", "host"] | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Embed IMAGES (files or folders) with ARTEFACT: a release directory, or an artefact file.

    Files are .safetensors, .onnx, .ort, .mlpackage, .mlmodel, .hef (on a Hailo chip) or .simhef (on the
    simulated one).

    Prints a JSON line for each image, or writes an array (N, 768) float32 (.npy) or one JSON object (.json).

    \b
    Example:
      cardembed embed my-release photo.jpg --target android --out photo.npy
    """
    from cardembed._io import atomic_write_bytes, atomic_write_json
    from cardembed.embedders.cache import embed_measured
    from cardembed.embedders.files import open_artefact
    from cardembed.embedders.registry import open_embedder
    from cardembed.embedders.sources import FileSource

    _check_usage(artefact, target, out)
    if target is not None and normalised is not None:
        raise UsageError(
            "--normalised",
            expected="an artefact file with it",
            found="a release directory, whose release.json says it",
            action="leave it out",
        )
    files = image_files(images)
    opened = (
        open_embedder(artefact, target, threads=threads)
        if target is not None
        else open_artefact(artefact, threads=threads, normalised=normalised)
    )
    with opened as embedder:
        result = embed_measured(embedder, FileSource(files), use_cache=False, progress=progress)
        about = {
            "artefact_digest": embedder.artefact_digest,
            "fidelity": str(embedder.fidelity),
            "runtime": embedder.runtime,
            "inference_seconds": result.inference_seconds,
        }
    rows = {
        str(file): [float(f"{number:.9g}") for number in row.tolist()]
        for file, row in zip(files, result.embeddings, strict=True)
    }
    if out is None:
        lines = (
            json.dumps({"image": image, "embedding": row}, ensure_ascii=False) for image, row in rows.items()
        )
        emit({**about, "embeddings": rows}, "\n".join(lines), as_json=as_json)
        return
    if out.suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, result.embeddings, allow_pickle=False)
        atomic_write_bytes(out, buffer.getvalue())
    else:
        atomic_write_json(out, {**about, "embeddings": rows})
    emit(
        {**about, "images": len(files), "out": str(out)}, f"{len(files)} embeddings in {out}", as_json=as_json
    )


def _check_usage(artefact: Path, target: str | None, out: Path | None) -> None:
    release = artefact.is_dir() and artefact.suffix != ".mlpackage"  # which is a folder, and an artefact
    if release and target is None:
        raise UsageError(
            artefact, expected="the target of a release", found="no --target", action="pass --target NAME"
        )
    if target is not None and not release:
        raise UsageError(
            artefact,
            expected="a release directory with --target",
            found="an artefact" if artefact.exists() else "nothing",
            action="leave --target out, or name the directory",
        )
    if out is None:
        return
    if out.suffix not in (".npy", ".json"):
        raise UsageError(out, expected=".npy or .json", found=repr(out.suffix), action="choose another --out")
    refuse_unwritable(out)
