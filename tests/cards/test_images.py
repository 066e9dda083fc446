import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cardembed.cards.images import MAX_PIXELS, open_image, to_array
from cardembed.errors import ImageError

HEIGHT, WIDTH = 24, 32


def gradient() -> np.ndarray:
    """A picture without any symmetry, so that every turn shows."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([x * 7, y * 9, (x * 3 + y * 5) % 200], axis=-1).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG written by hand: what Pillow itself does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = b"".join(chunk(kind, data) for kind, data in extra)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + body
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def refused(source, *words: str) -> str:
    with pytest.raises(ImageError) as caught:
        open_image(source)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    return text


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_lossless_files_come_back_exactly(kind, options, tmp_path: Path):
    data = encoded(Image.fromarray(gradient()), kind, **options)
    assert np.array_equal(to_array(open_image(data)), gradient())
    (tmp_path / "picture").write_bytes(data)  # the content counts, not the name's ending
    image = open_image(str(tmp_path / "picture"))
    assert np.array_equal(to_array(image), gradient())
    assert (image.mode, image.size) == ("RGB", (WIDTH, HEIGHT))


def test_a_jpeg_comes_back_nearly():
    smooth = Image.fromarray(gradient()).resize((320, 240), Image.Resampling.BICUBIC)
    found = to_array(open_image(encoded(smooth, "JPEG", quality=95, subsampling=0)))
    assert np.abs(found.astype(int) - np.asarray(smooth)).mean() < 2


def test_the_array_is_a_writable_copy():
    image = open_image(encoded(Image.fromarray(gradient())))
    array = to_array(image)
    array[:] = 0
    assert array.dtype == np.uint8
    assert to_array(image).any()


def test_grey_palette_and_bilevel_become_rgb():
    grey = Image.fromarray(gradient()[..., 0])
    assert np.array_equal(to_array(open_image(encoded(grey)))[..., 1], gradient()[..., 0])
    few = Image.fromarray(gradient()).quantize(16)
    assert np.array_equal(to_array(open_image(encoded(few))), np.asarray(few.convert("RGB")))
    bits = grey.point(lambda value: 255 * (value > 100)).convert("1")
    assert set(np.unique(to_array(open_image(encoded(bits))))) == {0, 255}


def test_cmyk_becomes_rgb():
    ink = Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0))
    red = to_array(open_image(encoded(ink, "JPEG", quality=95)))
    assert np.abs(red.reshape(-1, 3).mean(0) - [255, 0, 0]).max() < 6
    black = to_array(open_image(encoded(Image.new("CMYK", (WIDTH, HEIGHT), (0, 0, 0, 255)), "JPEG")))
    assert black.max() < 6


def test_sixteen_bit_grey_is_scaled_not_clipped():
    values = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    found = to_array(open_image(encoded(Image.fromarray(values))))
    assert np.abs(found[..., 0] - values / 257.0).max() <= 1
    assert np.array_equal(found[..., 0], found[..., 2])


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
def test_sixteen_bit_colour_is_scaled(colour: int, channels: int):
    values = np.full((HEIGHT, WIDTH, channels), 0xFFFF, dtype=">u2")
    values[..., :3] = gradient().astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    found = to_array(open_image(png(WIDTH, HEIGHT, 16, colour, rows)))
    assert np.abs(found.astype(int) - gradient()).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_laid_over_white(kind: str):
    layer = np.zeros((HEIGHT, WIDTH, 4), dtype=np.uint8)
    layer[:, 16:] = (200, 0, 0, 128)
    found = to_array(open_image(encoded(Image.fromarray(layer), kind, lossless=True)))
    assert (found[:, :16] == 255).all()
    assert np.abs(found[0, 20].astype(int) - [227, 127, 127]).max() <= 2


def test_transparent_palette_grey_and_colour_key_are_laid_over_white():
    grey = np.zeros((HEIGHT, WIDTH, 2), dtype=np.uint8)
    grey[:, 16:, 1] = 255
    found = to_array(open_image(encoded(Image.fromarray(grey, mode=None))))
    assert (found[:, :16] == 255).all()
    assert (found[:, 16:] == 0).all()
    flat = Image.new("P", (WIDTH, HEIGHT), 3)
    flat.putpalette([0, 0, 0] * 3 + [10, 20, 30])
    assert (to_array(open_image(encoded(flat, transparency=3))) == 255).all()
    key = Image.new("RGB", (WIDTH, HEIGHT), (10, 20, 30))
    assert (to_array(open_image(encoded(key, transparency=(10, 20, 30)))) == 255).all()


STORED = {  # how a camera stores the upright picture for each orientation
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_exif_rotation_is_applied(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](gradient())))
    image = open_image(encoded(stored, exif=exif))
    assert np.array_equal(to_array(image), gradient())
    assert not image.getexif()  # nobody turns it a second time


def test_rotation_in_a_jpeg_is_applied_and_damaged_exif_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_image(encoded(Image.fromarray(gradient()), "JPEG", exif=exif)).size == (HEIGHT, WIDTH)
    for broken in (b"Exif\0\0MM\0*\0\0", b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"):
        data = encoded(Image.fromarray(gradient()), "JPEG", exif=broken)
        assert open_image(data).size == (WIDTH, HEIGHT)


def test_the_first_picture_of_a_phones_mpo_counts():
    first = Image.fromarray(gradient()).resize((64, 48))
    data = encoded(first, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    assert np.abs(to_array(open_image(data)).astype(int) - np.asarray(first)).mean() < 12


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind: str):
    frames = [Image.new("RGB", (WIDTH, HEIGHT), (90 * step, 0, 0)) for step in range(3)]
    refused(encoded(frames[0], kind, save_all=True, append_images=frames[1:]), "animation of 3 frames")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "an empty file"),
        (b"not an image at all", "no picture"),
        (b"GIF89a" + bytes(40), "a GIF"),
        (b"%PDF-1.7" + bytes(40), "a PDF"),
        (b"II*\0" + bytes(40), "a TIFF"),
        (bytes(64), "video or HEIF"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, word: str, tmp_path: Path):
    refused(data, word)
    (tmp_path / "odd.jpg").write_bytes(data)
    refused(tmp_path / "odd.jpg", word, "odd.jpg")


def test_a_real_gif_or_tiff_is_refused_whatever_its_name(tmp_path: Path):
    for kind in ("GIF", "TIFF", "BMP"):
        Image.fromarray(gradient()).save(tmp_path / "picture.png", kind)
        refused(tmp_path / "picture.png", kind)


def test_missing_files_folders_and_odd_names(tmp_path: Path):
    refused(tmp_path / "nothing.png", "no such file")
    refused(tmp_path, "a folder")
    refused("a\0b.png", "check the path")


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 15)])
def test_too_small_is_refused(size):
    refused(encoded(Image.new("RGB", size)), "16 pixels a side", f"{size[0]} x {size[1]}")


def test_sixteen_pixels_are_enough():
    assert open_image(encoded(Image.new("RGB", (16, 16)))).size == (16, 16)


@pytest.mark.parametrize("side", [6400, 12_000, 40_000])
def test_a_decompression_bomb_is_refused_before_decoding(side: int):
    # 41, 144 and 1600 megapixels: over the limit, over Pillow's warning, over Pillow's error
    assert side * side > MAX_PIXELS
    refused(png(side, side, 8, 2, b"\0" * 64), "40 megapixels")


def test_a_bomb_in_a_text_chunk_is_refused():
    bomb = b"Comment\0\0" + zlib.compress(bytes(80 * 2**20), 9)
    rows = b"".join(b"\0" + row.tobytes() for row in gradient())
    refused(png(WIDTH, HEIGHT, 8, 2, rows, (b"zTXt", bomb)), "damaged")


def test_pillow_settings_are_left_as_they_were():
    import warnings

    before = list(warnings.filters)
    open_image(encoded(Image.fromarray(gradient())))
    refused(b"nothing")
    assert list(warnings.filters) == before


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.01, 0.75))
def test_truncated_files_are_refused(kind: str, share: float):
    noisy = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noisy), kind)
    refused(data[: max(1, int(len(data) * share))])


@settings(max_examples=40, deadline=None)
@given(
    place=st.floats(0, 1, exclude_max=True),
    value=st.integers(0, 255),
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
)
def test_damaged_files_give_a_picture_or_one_error(place: float, value: int, kind: str):
    data = bytearray(encoded(Image.fromarray(gradient()), kind))
    data[int(place * len(data))] = value
    with contextlib.suppress(ImageError):  # nothing else may come out
        assert open_image(bytes(data)).mode == "RGB"


@settings(max_examples=40, deadline=None)
@given(
    st.binary(min_size=1, max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 "]),
)
def test_random_bytes_are_refused(data: bytes, head: bytes):
    refused(head + data)
