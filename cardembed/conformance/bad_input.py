"""Files that nobody can use, and the command line run on them: what RELIABILITY features measure."""

from __future__ import annotations

import io
import shlex
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from cardembed._io import sha256_file
from cardembed._lookup import look_up

__all__ = ["BAD_IMAGES", "CommandLine", "write_bad_image"]

_TIMEOUT_SECONDS = 120


def _picture(size: tuple[int, int] = (180, 252)) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise)


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bomb() -> bytes:
    """A PNG of 40,000 × 40,000 pixels in a few kilobytes."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _animated() -> bytes:
    other = Image.new("RGB", (180, 252), "white")
    return _encoded(_picture(), "WEBP", save_all=True, append_images=[other], lossless=True)


BAD_IMAGES: dict[str, Callable[[], bytes]] = {
    "empty.jpg": lambda: b"",
    "truncated.jpg": lambda: _encoded(_picture(), "JPEG")[:5000],
    "one-pixel.png": lambda: _encoded(Image.new("RGB", (1, 1)), "PNG"),
    "bomb.png": _bomb,
    "animated.webp": _animated,
    "text-in-disguise.png": lambda: b"This is not an image.\n" * 100,
}
"""The bytes of each, by file name."""


def write_bad_image(folder: Path, name: str) -> None:
    """Write one of `BAD_IMAGES` into `folder`.

    Raises:
        UnknownTargetError: No bad image has this name.
    """
    made = look_up(BAD_IMAGES, name, "bad image")
    (folder / name).write_bytes(made())


def _snapshot(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path) if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


@dataclass
class CommandLine:
    """A folder with files in it, and what a command did there."""

    folder: Path
    """The command's working directory."""
    code: int | None = None
    """Its exit code."""
    error: str = ""
    """Its standard error."""
    before: dict[str, str] = field(default_factory=dict)
    """Digest by path in the folder, before the command."""

    def run(self, arguments: str) -> None:
        """Run `cardembed ARGUMENTS` in the folder.

        Args:
            arguments: As one would type them.
        """
        self.before = _snapshot(self.folder)
        command = [sys.executable, "-c", "from cardembed.cli import main; main()", *shlex.split(arguments)]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
        )
        self.code, self.error = done.returncode, done.stderr

    def exits_with(self, code: int) -> None:
        """AssertionError unless the exit code is `code`."""
        assert self.code == code, f"exit code {self.code}, not {code}: {self.error.strip()[-300:]}"

    def complains_in_one_line_about(self, name: str) -> None:
        """AssertionError unless standard error is one line that names `name`."""
        lines = self.error.strip().splitlines()
        assert len(lines) == 1, f"{len(lines)} lines on standard error: {self.error.strip()[:300]}"
        assert name in lines[0], f"{name} is not in: {lines[0]}"

    def wrote_nothing(self) -> None:
        """AssertionError unless the folder holds what it held before."""
        after = _snapshot(self.folder)
        assert after == self.before, f"the folder changed: {sorted(after.items() ^ self.before.items())[:3]}"
