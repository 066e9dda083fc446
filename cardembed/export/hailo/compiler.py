"""Compile a kit with Hailo's Dataflow Compiler: `python compile.py [--only-check]`, in the kit's folder.

Needs numpy and hailo_sdk_client, which Hailo gives to registered users, and nothing else: this file travels
with the kit, to machines whose Python is as old as the compiler's (3.8). It parses the network, optimises it
on the calibration images, runs it in the compiler's emulation against the float student, compiles it, and
writes the HEF and `compiled.json`, with which `cardembed import-artefact` takes it back.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "COMPILED",
    "FLOORS",
    "MANIFEST",
    "QUANTISED",
    "CompileError",
    "check_files",
    "compile_kit",
    "main",
    "shortfall",
]

MANIFEST, COMPILED = "kit.json", "compiled.json"
_EXPECTED = {
    "native": (0.999, "the parser understood an operation in another way"),
    "fp_optimized": (0.999, "the model script's mean and deviation, or another of its commands, are wrong"),
    "quantized": (0.99, "that is the cost of 8 bits, more of it than usual"),
}
"""Least cosine to the float student in each of the emulations, and what less means."""
FLOORS = ("native", "fp_optimized")
"""Emulations in float: less than expected stops, since another network would be compiled."""
QUANTISED = "quantized"
"""The emulation of what the chip computes: less than expected is for people to judge, and is said."""
_BATCH = 8


class CompileError(Exception):
    """The kit is not as it was written, or the compiler's network is not the student."""


def compile_kit(folder: Path, *, listener: Callable[[str], None] = print) -> dict[str, Any]:
    """Parse, optimise, emulate, compile; returns what `compiled.json` holds.

    Args:
        folder: The kit.
        listener: Told what comes next; optimising takes hours without a GPU.

    Raises:
        CompileError: See there.
        ImportError: hailo_sdk_client is not installed.
    """
    kit = check_files(folder)
    client: Any = importlib.import_module("hailo_sdk_client")
    contexts = client.InferenceContext
    pixels = np.load(str(folder / kit["evaluation"]["images"]))
    wanted = np.load(str(folder / kit["evaluation"]["embeddings"]))
    started, figures = time.monotonic(), {}

    runner = client.ClientRunner(hw_arch=kit["hw_arch"])
    size = kit["preprocessing"]["size"]
    listener("parsing " + kit["onnx"])
    runner.translate_onnx_model(
        str(folder / kit["onnx"]),
        net_name=kit["network"],
        start_node_names=kit["start_node_names"],
        end_node_names=kit["end_node_names"],
        net_input_shapes={kit["input"]: [1, 3, size, size]},
    )
    # Before the script is loaded the network takes normalised numbers, and pixels of 0 to 255 afterwards. To
    # mix them up looks like what quantisation costs.
    figures["native"] = _cosines(_run(runner, contexts.SDK_NATIVE, _normalised(pixels, kit)), wanted)
    _stop_below(figures, "native")
    runner.load_model_script((folder / kit["script"]).read_text(encoding="utf-8"))
    listener("optimising on " + kit["calibration"]["images"])
    runner.optimize(np.load(str(folder / kit["calibration"]["images"])))
    for name, context in (("fp_optimized", contexts.SDK_FP_OPTIMIZED), (QUANTISED, contexts.SDK_QUANTIZED)):
        listener("emulating, " + name)
        figures[name] = _cosines(_run(runner, context, pixels.astype(np.float32)), wanted)
        _stop_below(figures, name)
    poor = shortfall(figures, QUANTISED)
    if poor is not None:
        listener("warning: " + poor)
    listener("compiling for " + kit["hw_arch"])
    hef = bytes(runner.compile())
    if not hef:
        raise CompileError("the compiler returned no HEF")
    record = {
        "hef": kit["network"] + ".hef",
        "hef_sha256": hashlib.sha256(hef).hexdigest(),
        "kit_sha256": _sha256(folder / MANIFEST),
        "compiler": str(getattr(client, "__version__", "")),
        "emulated": figures,
        "images": len(pixels),
        "seconds": round(time.monotonic() - started, 1),
    }
    _write(folder / record["hef"], hef)
    _write(folder / COMPILED, (json.dumps(record, indent=1) + "\n").encode())
    return record


def shortfall(figures: dict[str, dict[str, float]], name: str) -> str | None:
    """What is wrong with an emulation's cosines to the float student; None where nothing is.

    Args:
        figures: As `compiled.json` has them.
        name: One of `FLOORS`, or `QUANTISED`.
    """
    least, meaning = _EXPECTED[name]
    found = figures.get(name, {}).get("min")
    if found is None:
        return f"{name}: nobody compared it with the float student"
    if found >= least:
        return None
    return (
        f"{name}: the network differs from the float student: smallest cosine {found:.5f}, expected {least} "
        f"at least; {meaning}"
    )


def _stop_below(figures: dict[str, dict[str, float]], name: str) -> None:
    poor = shortfall(figures, name) if name in FLOORS else None
    if poor is not None:
        raise CompileError(poor)


def check_files(folder: Path) -> dict[str, Any]:
    """The kit's manifest, after its files were compared with the digests in it.

    Raises:
        CompileError: No kit, or a file of it is missing or has other bytes.
    """
    try:
        kit: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = dict(kit["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompileError(f"{folder} is no compile kit: {type(error).__name__}: {error}") from error
    for name, digest in files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or _sha256(path) != digest:
            raise CompileError(f"{name} is missing, or not as it was written; copy the whole kit again")
    return kit


def _run(runner: Any, context: Any, images: Any) -> Any:  # noqa: ANN401 - untyped
    with runner.infer_context(context) as opened:
        rows: list[Any] = [
            np.asarray(_single(runner.infer(opened, images[at : at + _BATCH])))
            for at in range(0, len(images), _BATCH)
        ]
    return np.concatenate([row.reshape(row.shape[0], -1) for row in rows]).astype(np.float64)


def _single(answer: Any) -> Any:  # noqa: ANN401 - untyped
    """The one output: some versions wrap it into a list or a dict by layer."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, (list, tuple)):
        if len(answer) != 1:
            raise CompileError(f"the network has {len(answer)} outputs, and 1 was expected")
        return answer[0]
    return answer


def _normalised(pixels: Any, kit: dict[str, Any]) -> Any:  # noqa: ANN401 - untyped
    chosen = kit["preprocessing"]
    mean, std = (np.asarray(chosen[name], dtype=np.float64) for name in ("mean", "std"))
    return ((pixels / 255.0 - mean) / std).astype(np.float32)


def _cosines(found: Any, wanted: Any) -> dict[str, float]:  # noqa: ANN401 - untyped
    """Of each row to the float student's: mean, 5th percentile, smallest."""
    if found.shape != wanted.shape:
        raise CompileError(f"the network gives {found.shape}, and {wanted.shape} was expected")
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise CompileError("the network gives zeros, or numbers that are not finite")
    cosine = (found * wanted).sum(1) / lengths
    return {
        "mean": float(cosine.mean()),
        "p5": float(np.quantile(cosine, 0.05)),
        "min": float(cosine.min()),
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(2**20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name("." + path.name + ".part")
    partial.write_bytes(data)
    os.replace(str(partial), str(path))  # noqa: PTH105 - Python 3.8's Path.replace returns nothing to check


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile the kit that this file lies in; exit code 0, or 2 with a line that says why not."""
    parser = argparse.ArgumentParser(prog="compile.py", description="Compile this kit for the Hailo-8L.")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--only-check", action="store_true", help="Only compare files with their digests.")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.only_check:
            print(f"{len(check_files(chosen.folder)['files'])} files as they were written")
            return 0
        record = compile_kit(chosen.folder)
    except ImportError as error:
        print(f"compile.py: {error}; install Hailo's Dataflow Compiler here", file=sys.stderr)
        return 2
    except CompileError as error:
        print(f"compile.py: {error}", file=sys.stderr)
        return 2
    print(json.dumps(record, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
