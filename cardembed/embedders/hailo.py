"""The Hailo-8L: a compiled network executed by the chip, or by the simulator that stands in for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardembed._io import canonical_json, sha256_bytes
from cardembed._sizes import check_size
from cardembed.embedders.base import EMBEDDING_DIM, Embedder, unit_rows
from cardembed.embedders.calibrated import calibration_of
from cardembed.embedders.onnx_safety import parse_checked
from cardembed.embedders.preprocessing import Picture, Preprocessing
from cardembed.errors import ArtefactError, EmbeddingError, ReleaseError, UsageError, WrongAnswerError
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.driver import Api, HailoRTDriver
from cardembed.hailo.frames import FrameMaker
from cardembed.hailo.protocol import Chip, Health, Identity, NetworkShape, Normalised, OutputFormat
from cardembed.hailo.resource import ChipResource, hailo_platform, simulated_platform
from cardembed.hailo.simulator.container import is_simulated, read_simulated_hef
from cardembed.release import read_verified

__all__ = ["HailoEmbedder"]


class HailoEmbedder(Embedder):
    """Run an embedding model on a Hailo-8L.

    It owns the chip from here to `close` (it is a context manager); another embedder, of this process or
    another, waits and then finds it busy. It may be used from several threads. After an error the next call
    opens the device anew, which has to be the same one. A simulated HEF is run by the simulator, at fidelity
    `emulated`.

    Args:
        hef_path: The compiled model, or a simulated one.
        target: The target whose artefact it is.
        sha256: The digest that the file must have; whatever it has, without.
        artefact_digest: The digest that names the artefact, where the file is derived from another.
        preprocessing: The artefact's; the project's usual one at 224 pixels or the network's size, without.
        normalised: Who normalises: "chip" where the network was compiled with normalisation (frames are
            uint8), "host" where not (frames are float32).
        output: Who dequantises: HailoRT ("float32"), or we by the output's quantisation parameters
            ("quantised"; not with virtual streams).
        timeout: Seconds that one call may take, a batch of up to `batch_size` images; HailoRT is given half
            of what is left for a frame, since it may wait twice as long as it is told.
        open_timeout: Seconds that opening may take, waiting for another owner included.
        device_id: Which device, such as "0000:01:00.0"; HailoRT's choice without. Of a machine's
            devices one is used at a time, whatever it is called.
        api: "infer_model" or "vstreams"; the newer that this HailoRT has, without.
        platform: Stands in for the module `hailo_platform`.

    Raises:
        UnavailableError: `hailo_platform` is not installed.
        InfrastructureError: No device (DeviceMissingError), in use (DeviceBusyError), of another architecture
            (WrongArchitectureError), library and driver that differ (DriverMismatchError), no answer in time
            (DeviceTimeoutError), gone (DeviceLostError), or another one than before.
        ReleaseError: No HEF, another network's, or one whose input's quantisation says that somebody else
            has to normalise.
        DigestMismatchError: Other bytes; nothing was parsed.
        UsageError: Quantised output by virtual streams, or no positive timeout.

    Example:
        >>> with HailoEmbedder("convnext_tiny.hef") as embedder:
        ...     embedder.embed(preprocessed).shape
        (768,)
    """

    def __init__(
        self,
        hef_path: str | Path,
        *,
        target: str = "hailo8l",
        sha256: str | None = None,
        artefact_digest: str | None = None,
        preprocessing: Preprocessing | None = None,
        normalised: Normalised = "chip",
        output: OutputFormat = "float32",
        timeout: float = 10.0,
        open_timeout: float = 30.0,
        device_id: str | None = None,
        api: Api | None = None,
        platform: ModuleType | None = None,
    ) -> None:
        path = Path(hef_path)
        self._timeout = Deadline.after(timeout).seconds
        deadline = Deadline.after(open_timeout)
        simulated = is_simulated(path)
        module: Any = platform or (simulated_platform() if simulated else hailo_platform())
        data = _read(path, sha256)
        resource = ChipResource(module, device_id)
        if simulated != resource.simulated:
            raise ReleaseError(
                path,
                expected="a simulated HEF" if resource.simulated else "a compiled HEF",
                found="a simulated one" if simulated else "another file",
                action="the simulator runs simulated HEFs alone, and the chip none of them",
            )
        digest = sha256_bytes(data)
        runtime = {**resource.runtime, "normalised": normalised, "output": output}
        if artefact_digest not in (None, digest):
            runtime["derived_sha256"] = digest
        super().__init__(
            target=target,
            fidelity=resource.fidelity,
            artefact_digest=artefact_digest or digest,
            preprocessing=preprocessing or Preprocessing(224),
            runtime=runtime,
        )
        if simulated:
            self.calibrated_on = _calibrated_on(path, data)
        dtype = FrameMaker(self.preprocessing, normalised).dtype
        driver = HailoRTDriver(
            resource,
            data,
            thing=str(path),
            dtype=dtype,
            output=output,
            api=api,
            deadline=deadline,
            timeout=self._timeout,
        )
        self.runtime["api"] = driver.api
        self._driver: Chip = driver
        try:
            if preprocessing is None:
                self.preprocessing = Preprocessing(driver.shape.size)
            _check_fit(path, driver.shape, self.preprocessing.size, normalised)
        except BaseException:  # nobody has this object yet, who could give the chip back
            driver.close(Deadline.after(self._timeout))
            raise
        self._frames = FrameMaker(self.preprocessing, normalised)

    @property
    def identity(self) -> str:
        """As every embedder's; who normalises and dequantises, and how frames are run, belong to it too."""
        ways = [self.runtime[key] for key in ("normalised", "output", "api")]
        return sha256_bytes(canonical_json([super().identity, *ways]))

    def embed(
        self, image: Sequence[Picture] | NDArray[np.uint8] | NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Embed a preprocessed image, as the PRD's listing does, or pictures, as every embedder does.

        Args:
            image: (1, 3, S, S) float32, normalised; or a sequence of pictures, or (N, H, W, 3) uint8, see
                `Embedder.embed`. A batch of preprocessed images goes to `embed_preprocessed`.

        Returns:
            (768,) float32 of norm 1 for the one preprocessed image, (N, 768) for pictures.

        Raises:
            EmbeddingError: Neither, or values that no pixel normalises to.
            InfrastructureError: No answer; see the class.
        """
        if not isinstance(image, np.ndarray) or image.dtype == np.uint8:
            pixels = isinstance(image, np.ndarray) and image.shape[1:] == (self.preprocessing.size,) * 2 + (
                3,
            )
            return self.embed_pixels(image) if pixels else super().embed(image)  # type: ignore[arg-type]
        if image.ndim != 4 or len(image) != 1:
            size = self.preprocessing.size
            raise EmbeddingError(
                "image",
                expected=f"one preprocessed image (1, 3, {size}, {size}) float32",
                found=f"an array {image.shape} {image.dtype}",
                action="pass several to embed_preprocessed",
            )
        # Of what dtype it is, `embed_preprocessed` checks.
        row: NDArray[np.float32] = self.embed_preprocessed(image)[0]  # type: ignore[arg-type]
        return row

    def embed_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed raw pictures of the network's size: (N, S, S, 3) uint8 RGB to (N, 768) float32 unit vectors.

        The shortest way to the chip: where it normalises, the pixels go there as they are.

        Raises:
            EmbeddingError: Another shape or dtype.
            InfrastructureError: No answer; see the class.
        """
        frames = self._frames.from_pixels(pixels)
        out = np.empty((len(frames), EMBEDDING_DIM), dtype=np.float32)
        for start in range(0, len(frames), self.batch_size):
            part = frames[start : start + self.batch_size]
            before = time.perf_counter()
            raw = self._infer(part)
            self.inference_seconds += time.perf_counter() - before
            out[start : start + len(part)] = unit_rows(raw, what=f"{self.target} model's output")
        return out

    def embed_impl(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The chip, a frame at a time: (n, 3, S, S) float32 to (n, 768) float32, not normalised."""
        return self._infer(self._frames.from_normalised(batch))

    def _infer(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        deadline = Deadline.after(self._timeout)
        out = np.empty((len(frames), EMBEDDING_DIM), dtype=np.float32)
        for row, frame in zip(out, frames, strict=True):
            row[:] = self._driver.infer(frame, deadline)
        return out

    def identify(self) -> Identity:
        """What the device says it is."""
        return self._driver.identify(Deadline.after(self._timeout))

    def health(self) -> Health:
        """Temperature, clock and throttling."""
        return self._driver.health(Deadline.after(self._timeout))

    def check_repeatable(self, batch: NDArray[np.float32], times: int = 10) -> None:
        """Run the same input again and again, and compare the bare outputs byte by byte.

        A network has been reported that was perfect in emulation and different on every run on the chip.

        Args:
            batch: (N, 3, S, S) float32, preprocessed.
            times: Runs, at least 2.

        Raises:
            WrongAnswerError: A run differs from the first.
            UsageError: Less than 2 runs, or no input: that compares nothing.
        """
        self._check_input(batch)
        if times < 2 or not len(batch):
            raise UsageError(
                "check_repeatable",
                expected="at least 2 runs of at least one input",
                found=f"{times} runs of {len(batch)}",
                action="raise times, or give an input",
            )
        runs = [self.embed_impl(batch) for _ in range(times)]
        different = [run for run in runs[1:] if run.tobytes() != runs[0].tobytes()]
        if different:
            largest = max(float(np.abs(run - runs[0]).max()) for run in different)
            raise WrongAnswerError(
                f"{self.target} on the Hailo chip",
                expected=f"the same output in {times} runs on the same input",
                found=f"{len(different)} that differ from the first, by up to {largest:g}",
                action="do not ship it; compare with the compiler's emulator, and report it to Hailo",
            )

    def close(self) -> None:
        """Give the chip back."""
        super().close()
        self._driver.close(Deadline.after(self._timeout))


def _check_fit(path: Path, shape: NetworkShape, size: int, normalised: Normalised) -> None:
    """Whether the network is the target's, as far as HailoRT tells.

    Raises:
        ReleaseError: It is of another size, or somebody else would have to normalise.
    """
    if shape.size != size or shape.features != EMBEDDING_DIM:
        raise ReleaseError(
            path,
            expected=f"a network from ({size}, {size}, 3) to ({EMBEDDING_DIM},)",
            found=f"({shape.size}, {shape.size}, 3) to ({shape.features},)",
            action="correct input_size in release.json, or compile the target's network",
        )
    # Normalised twice or never, it would answer all the same, and look as if quantisation had cost much.
    if shape.pixels is not None and shape.pixels != (normalised == "chip"):
        raise ReleaseError(
            path,
            expected="an input of pixels, 0 to 255 as they are, since the chip is to normalise"
            if normalised == "chip"
            else "an input of normalised numbers, since the host is to normalise",
            found="pixels" if shape.pixels else "an input of another scale",
            action=f'open it with normalised="{"host" if normalised == "chip" else "chip"}"; '
            "of a release's HEF, import-artefact --normalised says it",
        )


def _calibrated_on(path: Path, data: bytes) -> frozenset[str] | None:
    """What the INT8 network within a simulated HEF says of its calibration; None of a damaged one."""
    try:
        return calibration_of(parse_checked(path, read_simulated_hef(data)[1]))
    except (ArtefactError, ReleaseError):  # what is wrong with it, the simulator says as HailoRT would
        return None


def _read(path: Path, sha256: str | None) -> bytes:
    if not path.is_file():
        raise ReleaseError(path, expected="a compiled network (.hef)", found="no file", action="name one")
    check_size(path)
    return path.read_bytes() if sha256 is None else read_verified(path, sha256)
