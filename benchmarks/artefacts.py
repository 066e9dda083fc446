"""`python -m benchmarks.artefacts`: full-size artefacts, executed from disk, in Markdown.

The PRD's three students at their size (ConvNeXt-Base 384 for iOS, ViT-Small 224 for Android, ConvNeXt-Tiny
224 for the Hailo-8L) go through the parity gate on every route of their target, and ViT-Small through our
Core ML executor as well: the exporter takes any network. Of each artefact the table has its size beside that
of the weights in float32; its time on one image beside PyTorch's, in turns, one thread each; and of a
compressed one its time beside the float artefact's of the same runtime, where one call measures both.

Their weights are drawn by a seed, with LayerScales and biases that let every block count, and the head's last
layer is fitted to the cards that the gate searches: what is measured is the artefact, and what compression
costs a network of this size that finds cards. What it costs a trained one, `cardembed parity check` says of a
release.

Exit code 1 where an artefact fails the gate or our executor misses its limit, and where none was executed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._artefact_table import FLOAT_ROUTE, Measured, heading, reasons, row
from benchmarks._timing import Comparison, compare
from cardembed.cards.catalogue import load_catalogue
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import CardembedError, UnavailableError
from cardembed.export.record import measure
from cardembed.models.profiles import target_profile
from cardembed.parity.check import Outcome, ParityResult
from cardembed.parity.routes import Route, routes_of
from cardembed.parity.subject import Subject
from cardembed.release import Artefact, PreprocessingSpec, Release, TargetEntry

__all__ = ["main"]

TARGETS = ("ios", "android", "hailo8l")
COREML_TOO = {"android": ("coreml-float32", "coreml-weights", "coreml-optimistic")}
"""By target, routes of ios that its network is taken through here:
nobody ships it so, but its layers are others than a ConvNeXt's."""
CARDS = 32
CATALOGUE = "synthetic:4005:16"
LIMITS = {"coreml-float32": 1 / 1.1, "coreml-weights": 1 / 1.1, "coreml-optimistic": 1 / 1.25}
"""PyTorch's time over our Core ML executor's, at least: by route."""

GOOD = (Outcome.PASSED, Outcome.UNJUDGED, Outcome.UNAVAILABLE)


def _live(target: str, folder: Path) -> Artefact:
    """Weights of the PRD's student that let every block count and find the cards that are searched."""
    from benchmarks._live_weights import fit_last_layer, live_model, photos_of_cards
    from cardembed.models.weights import save_weights

    model = live_model(target)
    fit_last_layer(model, *photos_of_cards(Preprocessing.of(PreprocessingSpec(), model.input_size), CARDS))
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


def _routes(target: str, names: tuple[str, ...]) -> list[Route]:
    """The target's own, then those of Core ML that it has here alone; those of the names, where any are."""
    more = tuple(name for name in COREML_TOO.get(target, ()) if not names or name in names)
    return routes_of(target, names) + (routes_of("ios", more) if more else [])


def _measured(subject: Subject, route: Route) -> Measured:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            path = route.export(subject.release, subject.target, folder)
        except CardembedError as error:
            name = f"{subject.target} {route.name}"
            outcome = Outcome.UNAVAILABLE if isinstance(error, UnavailableError) else Outcome.EXPORT
            return Measured(ParityResult(name, route.kind.name, outcome, None, str(error)))
        size = measure(path)[1] / subject.release.weights(subject.target).bytes
        result = subject.check(route, folder, path)
        return Measured(result, size, _timed(subject, route, path) if result.found is not None else None)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.artefacts")
    parser.add_argument("--target", action="append", choices=TARGETS, help="all without")
    parser.add_argument("--route", action="append", default=[], help="all without")
    chosen = parser.parse_args(argv)
    import torch

    targets = chosen.target or TARGETS
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        release = _release(Path(folder), targets)  # on all threads: minutes
        torch.set_num_threads(1)
        print(heading())
        for target in targets:
            subject, timed = Subject(release, target, cards=CARDS), dict[str, Comparison | None]()
            for route in _routes(target, tuple(chosen.route)):
                measured.append(one := _measured(subject, route))
                timed[route.name] = one.timed
                print(row(one, timed.get(FLOAT_ROUTE.get(route.name, ""))), flush=True)
    if why := reasons(measured):
        print(f"\n{why}")
    good = [one.result.outcome in GOOD and (one.timed is None or one.timed.met) for one in measured]
    return 0 if all(good) and any(one.timed is not None for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
