"""What stands behind the steps: a release, a catalogue and a photo set, opened once a process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cardembed.cards.catalogue import Catalogue
from cardembed.cards.gallery import Gallery
from cardembed.cards.photo_set import PhotoSet, attach_teacher
from cardembed.conformance.chip_setup import (
    CHIP_ARCHITECTURE,
    ChipSetup,
    prepare_setup,
)
from cardembed.conformance.measure.chip import ChipSession
from cardembed.conformance.measure.drawn import check_drawn
from cardembed.conformance.measure.latency import describe, measure_latency
from cardembed.conformance.measure.target import TargetMeasurements, Teacher, embed_target
from cardembed.conformance.measure.worst import worst_photos
from cardembed.conformance.patience import Patience
from cardembed.conformance.predicate import PhotosInfo, ReleaseInfo
from cardembed.embedders.apple import APPLE_TARGET
from cardembed.embedders.base import Embedder
from cardembed.embedders.cache import embed_measured
from cardembed.embedders.calibrated import check_calibration, check_threshold
from cardembed.embedders.registry import open_embedder
from cardembed.embedders.sources import GallerySource
from cardembed.errors import PhotoSetError, UnavailableError
from cardembed.fidelity import Fidelity
from cardembed.release import Release, default_release_dir
from cardembed.release_cards import catalogue_of

if TYPE_CHECKING:
    from cardembed.conformance.recorder.cell import Cell
    from cardembed.conformance.recorder.hooks import Prepared
    from cardembed.conformance.recorder.options import Options

__all__ = ["Bench", "prepare"]

T = TypeVar("T")
_EVERY = 1000
"""Photos between two lines about the rendering."""
_PHONES = {"ios": "an iPhone with apps/ios", "android": "an Android phone with apps/android"}
"""What is asked by `cardembed device`."""


class Bench:
    """The fixture `bench`: embedders and their measurements, made when first needed.

    Args:
        setup: `Prepared.bench`.
        threads: Threads that a runtime may use in this process.
        run_dir: Where a chip's record is written; needed where a chip is asked for.
        patience: Of the run, with a chip that gives no answer.
    """

    def __init__(
        self,
        setup: dict[str, Any],
        *,
        threads: int | None = None,
        run_dir: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._setup = setup
        self._threads = threads
        self._run_dir = run_dir
        self._patience = patience
        self._embedders: dict[str, Embedder] = {}
        self._measurements: dict[str, TargetMeasurements] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "chip" in self.__dict__ and self.chip is not None:
            self.chip.close()
        for embedder in self._embedders.values():
            embedder.close()

    @cached_property
    def chip(self) -> ChipSession | None:
        """The chip that the run was asked for; None where it was asked for none."""
        asked = self._setup.get("chip")
        if asked is None:
            return None
        assert self._run_dir is not None
        return ChipSession(ChipSetup.model_validate(asked), self.release, self._run_dir, self._patience)

    def _chip_of(self, target: str) -> ChipSession | None:
        return self.chip if self.chip is not None and target == self.chip.target else None

    @cached_property
    def release(self) -> Release:
        """The release that is judged."""
        return Release.load(self._setup["release"])

    @cached_property
    def catalogue(self) -> Catalogue:
        """The gallery's cards."""
        return _gallery(self.release, self._setup["catalogue"], self._setup["distractors"])

    @cached_property
    def photo_set(self) -> PhotoSet:
        """The photos; their bytes were compared with their digests before the first scenario."""
        return PhotoSet.load(self._setup["photos"], verify=False)

    def embedder(self, target: str) -> Embedder:
        """The release's embedder for a target: the chip's, where the run was asked for the chip.

        Raises:
            UnavailableError: The release has no such target, or this machine cannot execute it.
            InfrastructureError: The chip gives no answer.
            PhotoSetError: It was calibrated on a photo that decides.
        """
        embedder = self._opened(target)
        if embedder.calibrated_on is not None:
            check_calibration(embedder, self.photo_set)
        return embedder

    def _opened(self, target: str) -> Embedder:
        if target not in self.release.targets:
            raise UnavailableError(
                self.release.name,
                expected=f"a release with the target {target}",
                found=", ".join(self.release.targets),
                action="judge a release that has it",
            )
        if (chip := self._chip_of(target)) is not None:
            return chip.embedder()
        if target not in self._embedders:
            units = self._setup.get("compute_units") if target == APPLE_TARGET else None
            self._embedders[target] = open_embedder(
                self.release, target, threads=self._threads, compute_units=units
            )
        return self._embedders[target]

    def measurements(self, target: str) -> TargetMeasurements:
        """Embeddings of the gallery and all photos by the target's artefact.

        Raises:
            PhotoSetError: Its match threshold was chosen on a photo that decides.
        """
        if target not in self._measurements:
            embedder = self.embedder(target)
            entry = self.release.target(target)
            check_threshold(target, entry, self.photo_set)
            self._measurements[target] = embed_target(
                embedder,
                self.photo_set,
                self.catalogue,
                threshold=entry.match_threshold,
                teacher=None if target == "teacher" else self.teacher,
                # What a chip answered in an earlier run says nothing about it in this one.
                use_cache=self._setup["use_cache"] and self._chip_of(target) is None,
            )
        return self._measurements[target]

    def teacher(self) -> Teacher:
        """The teacher's embeddings: those with the photos where they are this release's, else made here.

        Raises:
            UnavailableError: They do not lie there, and this machine cannot execute the teacher.
        """
        return self._teacher

    @cached_property
    def _teacher(self) -> Teacher:
        attached = _attached_teacher(self.release, self.photo_set)
        if attached is not None:
            return attached
        made = self.measurements("teacher")
        return Teacher(made.artefact_digest, made.photos, made.gallery)

    def photos_of(self, cell: Cell) -> None:
        """Check that the photo set has what the scenario is about.

        Raises:
            UnavailableError: It has no such photos.
        """
        for condition in (cell.spec.condition or "").split("+"):
            self.measurements(cell.target).indices(condition)

    def measure(self, cell: Cell) -> None:
        """Take the scenario's raw numbers, and the photos to look at where something is required of it."""
        if cell.spec.kind == "latency":
            self._time(cell)
            return
        made = self.measurements(cell.target)
        cell.executed(made.artefact_digest, made.fidelity, made.runtime)
        cell.took(made.images, made.inference_seconds, made.wall_seconds)
        samples = made.samples(cell.spec)
        cell.measured(samples, worst_photos(made, samples) if cell.spec.required else None)

    def _time(self, cell: Cell) -> None:
        """Time single queries on the chip.

        Raises:
            UnavailableError: It is no Hailo-8L; what was measured stands in the message and in the record.
            InfrastructureError: In the end another device answered than in the beginning.
        """
        chip = self._chip_of(cell.target)
        if chip is None:
            self.deployed(cell.target)
            raise AssertionError("a device that is driven has a session")
        embedder = chip.embedder()
        entry = self.release.target(cell.target)
        network = f"{entry.architecture}, {entry.input_size} × {entry.input_size} pixels"
        made = measure_latency(embedder, self.photo_set, cell.spec, network=network)
        chip.confirm()
        chip.record.latency = made.summary
        chip.save()
        if embedder.fidelity is not Fidelity.DEVICE or chip.architecture != CHIP_ARCHITECTURE:
            raise UnavailableError(
                f"latency of {cell.target}",
                expected="a Hailo-8L, since a latency is only true on the device",
                found="the simulator"
                if embedder.fidelity is not Fidelity.DEVICE
                else chip.architecture or "a device that does not tell what it is",
                action=f"for information: {describe(made.summary)}",
            )
        cell.executed(embedder.artefact_digest, embedder.fidelity, embedder.runtime)
        cell.measured(made.samples)

    def deployed(self, target: str) -> None:
        """The device that the target is deployed on: open and healthy.

        Raises:
            UnavailableError: This run was not asked for it, or it is not there. A phone answers a request,
                whose import is a bundle of its own.
            InfrastructureError: The chip gives no answer.
        """
        if (chip := self._chip_of(target)) is not None:
            chip.embedder()
            return
        if target in _PHONES:
            raise UnavailableError(
                f"{target} on its device",
                expected=_PHONES[target],
                found="none that this run could ask",
                action="ask it: cardembed device request, the app, cardembed device import",
            )
        raise UnavailableError(
            f"{target} on its device",
            expected="a Hailo-8L that this run drives",
            found="a run that judges on this machine's processor",
            action="run it where the chip is: pytest features/ --target hailo8l --device",
        )


def _attached_teacher(release: Release, photo_set: PhotoSet) -> Teacher | None:
    record = photo_set.manifest.teacher
    if record is None or "teacher" not in release.targets:
        return None
    if record.artefact_digest != release.weights("teacher").sha256:
        return None  # another teacher's: not to be compared with
    photos, gallery = photo_set.teacher_embeddings, photo_set.teacher_gallery
    if photos is None or gallery is None:
        return None
    return Teacher(record.artefact_digest, photos, gallery)


def prepare(options: Options, say: Callable[[str], None]) -> Prepared:
    """Check release, catalogue and photos; render the default photos and embed them with the teacher, once.

    Args:
        options: The command line.
        say: Writes a line to the terminal.

    Raises:
        CardembedError: Something cannot be used; one line tells what to do.
    """
    from cardembed.conformance.recorder.hooks import Prepared

    root = options.release or default_release_dir()
    release = Release.load(root)
    release.verify()
    chip = _chip(options, release)
    catalogue = _gallery(release, options.catalogue, options.distractors)
    photo_set = _photos(options, release, catalogue, say)
    manifest = photo_set.manifest
    return Prepared(
        release=ReleaseInfo.of(release),
        catalogue_digest=catalogue.digest,
        photos=PhotosInfo(
            digest=photo_set.digest,
            split=photo_set.split,
            provenance=photo_set.provenance,
            seed=None if manifest.seed is None else str(manifest.seed),
            simulator=manifest.simulator,
        ),
        bench={
            "release": str(root),
            "catalogue": options.catalogue,
            "distractors": options.distractors,
            "photos": str(photo_set.root),
            "use_cache": options.use_cache,
            "compute_units": options.compute_units,
            "chip": None if chip is None else chip.model_dump(),
        },
    )


def _chip(options: Options, release: Release) -> ChipSetup | None:
    """What the options say about the chip; errors as `prepare_setup`'s."""
    if options.device is None:
        return None
    return prepare_setup(
        release,
        options.device,
        hef=options.hef,
        normalised=options.hef_normalised,
        timeout=options.device_timeout,
    )


def _gallery(release: Release, spec: str | None, distractors: int | None) -> Catalogue:
    """What verdicts search, with another number of distractors where one is asked for.

    Raises:
        ReleaseError: The release's cards are a folder, and none is named.
        CatalogueError: It cannot be opened, or has no distractors to have another number of.
    """
    catalogue = catalogue_of(release, spec, searched=True)
    if distractors is None:
        return catalogue
    gallery = catalogue if isinstance(catalogue, Gallery) else Gallery(catalogue)
    return gallery.with_distractors(distractors)


def _photos(options: Options, release: Release, catalogue: Catalogue, say: Callable[[str], None]) -> PhotoSet:
    if options.photos is not None:
        photo_set = PhotoSet.load(options.photos)
        photo_set.check_cards(catalogue)
        if photo_set.split != "verdict":
            raise PhotoSetError(
                options.photos,
                expected="verdict photos",
                found=f"{photo_set.split} photos, which training and calibration may have seen",
                action="make verdict photos: cardembed photos make --split verdict",
            )
        check_drawn(photo_set, release, catalogue)
        return photo_set
    return _with_teacher(_default_photos(release, catalogue, say), release, catalogue, options, say)


def _default_photos(release: Release, catalogue: Catalogue, say: Callable[[str], None]) -> PhotoSet:
    from cardembed.cards.photo_cache import default_photo_set

    said = 0

    def progress(done: int, total: int) -> None:
        nonlocal said
        if said == 0 or done - said >= _EVERY:
            said = max(done, 1)
            say(f"rendering the photo set, {done} of {total} (kept for later runs)")

    return default_photo_set(release.digest, catalogue, progress=progress)


def _told(
    say: Callable[[str], None], items: Iterable[T], /, *, total: int | None = None, label: str = ""
) -> Iterable[T]:
    """The items, with a line at every fifth of them."""
    step = max(1, (total or 0) // 5)
    for done, item in enumerate(items, 1):
        yield item
        if total is not None and done % step == 0:
            say(f"{label}: {100 * done // total} %")


def _with_teacher(
    photo_set: PhotoSet, release: Release, catalogue: Catalogue, options: Options, say: Callable[[str], None]
) -> PhotoSet:
    """The default set with this release's teacher, or without where this machine cannot execute it."""
    if _attached_teacher(release, photo_set) is not None or "teacher" not in release.targets:
        return photo_set
    say(f"embedding {len(photo_set)} photos with the teacher (kept for later runs)")
    try:
        with open_embedder(release, "teacher") as embedder:
            told = partial(_told, say)
            photos = embed_measured(embedder, photo_set, use_cache=options.use_cache, progress=told)
            gallery = embed_measured(
                embedder, GallerySource(catalogue), use_cache=options.use_cache, progress=told
            )
            return attach_teacher(photo_set, photos.embeddings, gallery.embeddings, embedder.artefact_digest)
    except UnavailableError as error:
        say(f"no teacher here, so AC-8 is not run: {error}")
        return photo_set
