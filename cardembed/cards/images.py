"""Image files from anywhere become 8-bit RGB pictures, or one `ImageError` that says why not.

Files are hostile until shown otherwise: formats are allow-listed, the size is read from the header and
checked before a single pixel is decoded, and Pillow's decompression-bomb warning is an error.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cardembed.errors import ImageError

__all__ = ["FORMATS", "MAX_BYTES", "MAX_PIXELS", "MIN_SIDE", "SUFFIXES", "open_image", "to_array"]

FORMATS = ("JPEG", "PNG", "WEBP")
"""The only formats whose decoders are ever called."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""How the names of such files end, in lower case."""
MAX_PIXELS = 40_000_000
"""Largest picture, width x height."""
MIN_SIDE = 16
"""Smallest width and height in pixels."""
MAX_BYTES = 256 * 2**20
"""Largest file."""

_OTHER_KINDS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"PK\3\4", "a ZIP archive"),
    (b"<svg", "an SVG"),
    (b"\0\0\0", "a video or HEIF file"),
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


def open_image(source: Path | str | bytes) -> Image.Image:
    """Open, check, decode and normalise a picture.

    JPEG (also CMYK and the first picture of a phone's MPO), PNG (also palette, 1-bit, 16-bit) and WebP.
    Transparent pixels are laid over white, 16-bit values are scaled to 8 bits, and the EXIF orientation is
    applied, so that the picture stands as its viewer saw it.

    Args:
        source: A file, or a file's bytes.

    Returns:
        A fully decoded picture of mode "RGB" without metadata.

    Raises:
        ImageError: Missing, empty, larger than `MAX_BYTES`, not one of `FORMATS`, truncated, animated,
            smaller than `MIN_SIDE` on a side or larger than `MAX_PIXELS`.
    """
    name, data = _read(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # decoders grumble about metadata that nobody reads here
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_header(name, image)
                image.load()
                return _normalised(image)
    except ImageError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large(name, str(error)) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            name,
            expected="a JPEG, PNG or WebP picture",
            found=_kind(data),
            action="convert it to one of these formats",
        ) from error
    except MemoryError as error:
        raise _too_large(name, "more than fits into memory") from error
    except Exception as error:  # decoders raise OSError, ValueError, SyntaxError, struct.error, EOFError …
        raise ImageError(
            name,
            expected="a complete picture",
            found=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
            action="the file is damaged or truncated: fetch or scan it again",
        ) from error


def to_array(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of `image` as a new uint8 array of shape (height, width, 3), RGB, 0 … 255."""
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)


def _read(source: Path | str | bytes) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        name, data = "image bytes", source
    else:
        name, path = str(source), Path(source)
        try:
            if not path.is_file():
                found = "a folder" if path.is_dir() else "no such file"
                raise ImageError(name, expected="an image file", found=found, action="check the path")
            if path.stat().st_size > MAX_BYTES:
                raise _too_large(name, f"{path.stat().st_size} bytes")
            data = path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise ImageError(
                name,
                expected="a readable file",
                found=str(error),
                action="check the path and its permissions",
            ) from error
    if not data:
        raise ImageError(name, expected="a picture", found="an empty file", action="fetch or scan it again")
    if len(data) > MAX_BYTES:
        raise _too_large(name, f"{len(data)} bytes")
    return name, data


def _too_large(name: str, found: str) -> ImageError:
    return ImageError(
        name,
        expected=f"at most {MAX_PIXELS // 10**6} megapixels and {MAX_BYTES // 2**20} MB",
        found=found,
        action="scale the picture down",
    )


def _kind(data: bytes) -> str:
    start = data.lstrip()[:4] if data[:1].isspace() else data[:4]
    for magic, kind in _OTHER_KINDS:
        if start.startswith(magic):
            return kind
    return "something that is no picture"


def _check_header(name: str, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width} x {height} pixels")
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            name,
            expected=f"at least {MIN_SIDE} pixels a side",
            found=f"{width} x {height} pixels",
            action="use a larger picture",
        )
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1 and image.format != "MPO":  # an MPO is a JPEG with previews behind it
        raise ImageError(
            name,
            expected="a still picture",
            found=f"an animation of {frames} frames",
            action="save one frame of it as a picture",
        )


def _normalised(image: Image.Image) -> Image.Image:
    turn = _TURNS.get(_orientation(image))
    picture = _to_rgb(image)
    if turn is not None:
        picture = picture.transpose(turn)
    return Image.frombytes("RGB", picture.size, picture.tobytes())  # leaves all metadata behind


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF must not cost the picture; it stands as stored
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow's own conversion would clip at 255
        values = np.asarray(image).astype(np.float64)
        grey = np.rint(np.clip(values, 0, 65535) / 257.0).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        picture = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        picture.alpha_composite(layer)
        return picture.convert("RGB")
    return image.convert("RGB")
