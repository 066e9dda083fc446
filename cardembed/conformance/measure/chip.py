"""The chip that a run was asked for: opened once a process, and held between two health checks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardembed._io import sha256_array
from cardembed._seeds import rng
from cardembed.conformance.chip_record import FOLDER, ChipAttempt, ChipReading, ChipRecord, ChipState
from cardembed.conformance.chip_setup import CHIP, CHIP_TARGET, SIMULATOR, ChipSetup
from cardembed.conformance.measure.network_file import NetworkFile, chosen_network
from cardembed.conformance.patience import Patience
from cardembed.embedders.hailo import HailoEmbedder
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import (
    CardembedError,
    DeviceMissingError,
    InfrastructureError,
    ReleaseError,
    UnavailableError,
    UsageError,
    WrongArchitectureError,
)
from cardembed.fidelity import Fidelity
from cardembed.hailo.enquiry import ask_chip
from cardembed.hailo.hailortcli import measure_hef
from cardembed.hailo.resource import ChipResource, hailo_platform, simulated_platform
from cardembed.release import Release

__all__ = ["ChipSession", "golden_pictures"]

_GOLDEN = 4
_SAME = 0.95
"""Least similarity of a golden picture's answers. It tells a chip that runs another network or none; whether
answers are the same bytes is DEVICE-3's question, and on record here."""


def golden_pictures(size: int) -> NDArray[np.uint8]:
    """The input of health checks: (4, size, size, 3) uint8, coarse random patches, the same everywhere."""
    coarse = rng("golden input").integers(0, 256, (_GOLDEN, 7, 7, 3), dtype=np.uint8)
    place = np.arange(size) * 7 // size
    return np.ascontiguousarray(coarse[:, place][:, :, place])


class ChipSession:
    """A process's hold on the chip, and its record.

    Args:
        setup: What was asked for.
        release: The release that is judged.
        run_dir: Where the record is written.
        patience: Of the run.
    """

    target = CHIP_TARGET

    def __init__(
        self, setup: ChipSetup, release: Release, run_dir: Path, patience: Patience | None = None
    ) -> None:
        self._setup = setup
        self._release = release
        self._patience = patience or Patience()
        self._patience.note = self.failed
        self._embedder: HailoEmbedder | None = None
        self._golden: NDArray[np.float32] | None = None
        self._missing: CardembedError | None = None
        self._path: Path | None = None
        self.record = ChipRecord(asked=setup.device, simulated=setup.simulated, target=self.target)
        name = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self._file = run_dir / FOLDER / f"{name}-{os.getpid()}.json"

    def embedder(self) -> HailoEmbedder:
        """The embedder; the first time, the chip is opened and its health checked.

        Raises:
            UnavailableError: HailoRT, a chip or a compiled network is not there at all.
            InfrastructureError: The chip gives no answer, or did not answer a retry before.
            ReleaseError: The network cannot be read.
        """
        if self._missing is not None:
            raise self._missing
        self._patience.check()
        if self._embedder is None:
            try:
                self._embedder = self._opened()
            except DeviceMissingError as error:
                if self.record.attempts:  # it was there, and gave no answer
                    raise
                self.failed(error)
                self._missing = UnavailableError(
                    error.thing, expected="a Hailo-8L", found=error.found, action=error.action
                )
                raise self._missing from error
            except UnavailableError as error:
                self._missing = error
                self.failed(error)
                raise
            except ReleaseError as error:  # the file stays what it is
                self._missing = error
                raise
        return self._embedder

    @property
    def _device_id(self) -> str | None:
        return None if self._setup.device in (CHIP, SIMULATOR) else self._setup.device

    @property
    def architecture(self) -> str:
        """What the device says it is; empty before it was opened."""
        return self.record.identity.get("architecture", "")

    def failed(self, error: CardembedError) -> None:
        """Put on record that the chip gave no answer."""
        self.record.attempts.append(
            ChipAttempt(at=datetime.now(UTC), error=type(error).__name__, reason=str(error))
        )
        self.save()

    def save(self) -> None:
        """Write the record as it is now."""
        self.record.write(self._file)

    def _opened(self) -> HailoEmbedder:
        embedder, network = self._loaded()
        if network.calibrated_on is not None:  # a HEF cannot say it itself
            embedder.calibrated_on = network.calibrated_on
        try:
            # Whatever module answered to the name hailo_platform: what was asked for is what has to be there.
            if (embedder.fidelity is Fidelity.DEVICE) == self._setup.simulated:
                raise UsageError(
                    f"--device {self._setup.device}",
                    expected="the simulator" if self._setup.simulated else "a chip",
                    found=str(embedder.runtime),
                    action="remove what stands in for hailo_platform",
                )
            self._identify(embedder)
            self.record.runtime = dict(embedder.runtime)
            self.record.artefact = network.as_facts(compiled=not self._setup.simulated)
            reading = self._check(embedder)
        except BaseException:
            embedder.close()
            raise
        self._path = network.path
        self.record.before = self.record.before or reading
        self.save()
        return embedder

    def _loaded(self) -> tuple[HailoEmbedder, NetworkFile]:
        network: NetworkFile | None = None
        try:
            network = chosen_network(self._setup, self._release)
            embedder = HailoEmbedder(
                network.path,
                target=self.target,
                sha256=network.sha256,
                artefact_digest=network.named_by,
                preprocessing=Preprocessing.of(
                    self._release.preprocessing, self._release.target(self.target).input_size
                ),
                normalised=network.normalised,
                timeout=self._setup.timeout,
                open_timeout=self._setup.open_timeout,
                device_id=self._device_id,
            )
        except CardembedError as error:
            if _of_the_network(error):
                self._not_loaded(network, error)
            raise
        return embedder, network

    def _not_loaded(self, network: NetworkFile | None, error: CardembedError) -> None:
        """Put on record which chip it was that no network was loaded onto: it is asked without one, once."""
        record = self.record
        if record.not_loaded:
            return
        record.not_loaded = str(error)
        if network is not None:
            record.artefact = network.as_facts(compiled=not self._setup.simulated)
        try:
            platform = simulated_platform() if self._setup.simulated else hailo_platform()
            resource = ChipResource(platform, self._device_id)
            if resource.simulated == self._setup.simulated:
                identity, health = ask_chip(resource, self._setup.timeout)
                record.runtime = resource.runtime
                record.identity = record.identity or identity.as_facts()
                record.without_network = ChipState.now(health)
        except CardembedError as unanswered:  # what kept the network from it is the error that counts
            record.not_loaded += f"; and asked what it is, the chip gave no answer: {unanswered}"
        self.save()

    def confirm(self) -> None:
        """Check that what answers is still the device that was opened first: a lost one is looked for anew.

        Raises:
            InfrastructureError: It is another one, or it gives no answer.
        """
        self._identify(self.embedder())

    def _identify(self, embedder: HailoEmbedder) -> None:
        identity = embedder.identify().as_facts()
        first = self.record.identity or identity
        if identity != first:
            raise _unwell(f"the device that was opened first ({_named(first)})", _named(identity))
        self.record.identity = identity

    def _check(self, embedder: HailoEmbedder) -> ChipReading:
        """Ask for the golden input's embeddings, and how the chip feels.

        Raises:
            InfrastructureError: No answer, one answer to different pictures, or other ones than before.
        """
        answers = embedder.embed_pixels(golden_pictures(embedder.preprocessing.size))
        if len({row.tobytes() for row in answers}) < len(answers):
            raise _unwell("an answer of its own to each golden picture", "one answer to several")
        first, health = self._golden, embedder.health()
        cosine = None if first is None else float((answers * first).sum(axis=1).min())
        if cosine is not None and not cosine >= _SAME:
            raise _unwell(f"the first check's answers (cosine ≥ {_SAME:g})", f"cosine {cosine:.4f}")
        if first is None:
            self._golden = answers
        return ChipReading.now(
            health,
            golden_sha256=sha256_array(answers),
            golden_cosine=cosine,
            golden_identical=None if first is None else answers.tobytes() == first.tobytes(),
        )

    def close(self) -> None:
        """Check the chip once more, give it back, ask HailoRT's own tool for its figures. Never raises."""
        embedder, self._embedder = self._embedder, None
        if embedder is None:
            return
        try:
            self._patience.check()
            self._identify(embedder)
            self.record.after = self._check(embedder)
        except CardembedError as error:
            self.record.problem = f"no health check after the last image: {error}"
        finally:
            with contextlib.suppress(Exception):
                embedder.close()
        self.save()
        if self.record.latency is not None and not self._setup.simulated and self._path is not None:
            self.record.hailortcli = measure_hef(self._path, device_id=self._device_id)
            self.save()


def _named(identity: Mapping[str, str]) -> str:
    return ", ".join(value for value in identity.values() if value) or "one that does not tell what it is"


def _of_the_network(error: CardembedError) -> bool:
    """Whether the chip may be well, and the network is what it does not take."""
    return isinstance(error, ReleaseError | WrongArchitectureError) or type(error) is InfrastructureError


def _unwell(expected: str, found: str) -> InfrastructureError:
    return InfrastructureError(
        "health check of the chip",
        expected=expected,
        found=found,
        action="power-cycle the device; nothing that it said in this run counts",
    )
