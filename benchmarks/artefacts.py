"""`python -m benchmarks.artefacts`: full-size artefacts, executed from disk, in Markdown.

The PRD's students at their size (ConvNeXt-Base 384 for iOS, ViT-Small 224 for Android) go through the parity
gate on every route, and each artefact's time on one image is set beside PyTorch's, in turns, one thread each.
Their weights are drawn by a seed, with LayerScales and biases that let every block count: what is measured is
the artefact. Such a network hardly tells cards apart, so the gate does not judge compressed ones by the cards
that they find, says so, and holds them to its limits on cosine and length alone; what compression costs a
trained one, `cardembed parity check` says of a release.

Exit code 1 where an artefact fails the gate or our executor misses its limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._timing import Comparison, compare
from cardembed.cards.catalogue import load_catalogue
from cardembed.errors import CardembedError
from cardembed.models.profiles import target_profile
from cardembed.parity.check import Outcome, ParityResult
from cardembed.parity.routes import Route, routes_of
from cardembed.parity.subject import Subject
from cardembed.release import Artefact, Release, TargetEntry

__all__ = ["main"]

TARGETS = ("ios", "android")
CARDS = 32
CATALOGUE = "synthetic:4005:16"
LIMITS = {"coreml-float32": 1 / 1.1, "coreml-weights": 1 / 1.1, "coreml-optimistic": 1 / 1.25}
"""PyTorch's time over our Core ML executor's, at least: by route."""

GOOD = (Outcome.PASSED, Outcome.UNJUDGED)

COLUMNS = (
    "artefact", "gate", "1 − cos", "largest difference", "nearest kept", "margin kept", "time / PyTorch's",
)  # fmt: skip


def _live(target: str, folder: Path) -> Artefact:
    """Seeded weights of the PRD's student, none of whose blocks is switched off."""
    import torch

    from cardembed.models.weights import build_model, save_weights

    model = build_model("prd", target, seed=5)
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "gamma" in name:  # timm starts LayerScale at 1e-6, and the blocks behind it do nothing
                value.copy_(0.1 + 0.4 * torch.rand(value.shape, generator=random))
            elif name.endswith("bias"):
                value.copy_(0.05 * torch.randn(value.shape, generator=random))
    file = folder / f"{target}.safetensors"
    digest = save_weights(model, file, dtype="float32")
    return Artefact(path=file.name, sha256=digest, format="safetensors", bytes=file.stat().st_size)


def _release(folder: Path, targets: Sequence[str]) -> Release:
    catalogue = load_catalogue(CATALOGUE)
    entries = {}
    for target in targets:
        row = target_profile("prd", target)
        entries[target] = TargetEntry(
            architecture=row.architecture.name, input_size=row.input_size, artefacts=(_live(target, folder),)
        )
    return Release(
        name="full size, random weights",
        profile="prd",
        created="2026-01-01T00:00:00Z",
        catalogue=catalogue.reference,
        catalogue_digest=catalogue.digest,
        targets=entries,
    ).write(folder)


def _timed(subject: Subject, route: Route, path: Path) -> Comparison:
    """The artefact's time on one image beside PyTorch's."""
    import torch

    from cardembed.models.weights import load_weights

    model = load_weights(subject.release.path(subject.release.weights(subject.target))).eval()
    one: NDArray[np.float32] = np.ascontiguousarray(subject.batch[:1])
    given = torch.from_numpy(one)

    @torch.inference_mode()
    def peer() -> object:
        return model(given)

    with route.open(path, subject.preprocessing) as embedder:
        return compare(
            route.name, lambda: embedder.embed_impl(one), peer, rounds=7, limit=LIMITS.get(route.name)
        )


def _checked(subject: Subject, route: Route) -> tuple[ParityResult, Comparison | None]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            path = route.export(subject.release, subject.target, folder)
        except CardembedError as error:
            name = f"{subject.target} {route.name}"
            return ParityResult(name, route.kind.name, Outcome.EXPORT, None, str(error)), None
        result = subject.check(route, folder, path)
        return result, _timed(subject, route, path) if result.found is not None else None


def _row(result: ParityResult, timed: Comparison | None) -> str:
    found, cost = result.found, result.cost
    cells = [result.name, str(result.outcome)]
    cells += (
        ["–"] * 2 if found is None else [f"{found.one_minus_cosine:.1e}", f"{found.largest_difference:.1e}"]
    )
    cells += ["–"] * 2 if cost is None else [f"{cost.kept} of {cost.found}", f"{cost.margin_kept:.1%}"]
    if timed is None:
        cells.append("–")
    else:
        missed = "" if timed.met else ", MISSED"
        asked = "" if timed.limit is None else f" (at most {1 / timed.limit:.2f}{missed})"
        cells.append(f"{1 / timed.ratio:.2f}{asked}")
    return "| " + " | ".join(cells) + " |"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.artefacts")
    parser.add_argument("--target", action="append", choices=TARGETS, help="all without")
    parser.add_argument("--route", action="append", default=[], help="all without")
    chosen = parser.parse_args(argv)
    import torch

    torch.set_num_threads(1)
    targets = chosen.target or TARGETS
    good = []
    with tempfile.TemporaryDirectory() as folder:
        release = _release(Path(folder), targets)
        print("| " + " | ".join(COLUMNS) + " |")
        print("|---" * len(COLUMNS) + "|")
        for target in targets:
            subject = Subject(release, target, cards=CARDS)
            for route in routes_of(target, tuple(chosen.route)):
                result, timed = _checked(subject, route)
                print(_row(result, timed), flush=True)
                good.append(result.outcome in GOOD and (timed is None or timed.met))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
