import json
import threading

import numpy as np
import pytest
from PIL import Image

from cardembed._io import cache_root, sha256_bytes
from cardembed.embedders.baselines import ColourHistogramEmbedder, NearestPixelEmbedder
from cardembed.embedders.cache import cache_key, embed_cached, embed_measured
from cardembed.embedders.sources import FileSource, GallerySource
from cardembed.errors import EmbeddingError


class Pictures:
    """Random pictures that count how often they are read."""

    def __init__(self, count=70, seed=0):
        self._pixels = np.random.default_rng(seed).integers(0, 256, (count, 20, 14, 3), dtype=np.uint8)
        self.digest = sha256_bytes(self._pixels.tobytes())
        self.read = 0

    def __len__(self):
        return len(self._pixels)

    def image(self, index):
        self.read += 1
        return Image.fromarray(self._pixels[index])


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CARDEMBED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def embedder():
    return NearestPixelEmbedder()


def entry(embedder, pictures, suffix):
    return cache_root() / "embeddings" / f"{cache_key(embedder, pictures)}{suffix}"


def test_the_second_time_it_is_read(embedder):
    pictures = Pictures()
    first = embed_measured(embedder, pictures)
    assert not first.cached
    assert pictures.read == 70
    assert (first.embeddings == embedder.embed([pictures.image(index) for index in range(70)])).all()
    spent = embedder.inference_seconds
    second = embed_measured(embedder, pictures)
    assert second.cached
    assert pictures.read == 140
    assert embedder.inference_seconds == spent
    assert (second.embeddings == first.embeddings).all()
    assert second.inference_seconds == first.inference_seconds > 0
    assert second.wall_seconds == first.wall_seconds >= first.inference_seconds


def test_the_key_follows_artefact_preprocessing_runtime_and_photos(embedder):
    pictures = Pictures()
    other_runtime = NearestPixelEmbedder()
    other_runtime.runtime = {**other_runtime.runtime, "version": "other"}
    pairs = [
        (embedder, pictures),
        (embedder, Pictures(seed=1)),
        (ColourHistogramEmbedder(), pictures),
        (ColourHistogramEmbedder(size=32), pictures),
        (other_runtime, pictures),
    ]
    assert len({cache_key(*pair) for pair in pairs}) == len(pairs)
    assert cache_key(embedder, pictures) == cache_key(NearestPixelEmbedder("server"), Pictures())


def test_the_key_follows_the_code_that_embeds(embedder, monkeypatch):
    keys = {cache_key(embedder, Pictures())}
    for name in ("code_digest", "package_version"):
        monkeypatch.setattr(f"cardembed.embedders.cache.{name}", lambda *_: "changed")
        keys.add(cache_key(embedder, Pictures()))
    assert len(keys) == 3


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("damage", ["cut", "empty", "flip", "gone"])
def test_a_damaged_entry_is_computed_anew(embedder, suffix, damage):
    pictures = Pictures(5)
    first = embed_cached(embedder, pictures)
    file = entry(embedder, pictures, suffix)
    data = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "flip":
        data[len(data) // 3] ^= 0x55
        file.write_bytes(data)
    else:
        file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    again = embed_measured(embedder, pictures)
    assert not again.cached
    assert (again.embeddings == first).all()
    assert embed_measured(embedder, pictures).cached


def test_an_entry_of_another_shape_is_computed_anew(embedder):
    pictures = Pictures(5)
    embed_cached(embedder, pictures)
    file = entry(embedder, pictures, ".npy")
    np.save(file, np.zeros((4, 768), np.float32))
    about = json.loads(entry(embedder, pictures, ".json").read_text())
    about["sha256"] = sha256_bytes(file.read_bytes())
    entry(embedder, pictures, ".json").write_text(json.dumps(about))
    assert embed_cached(embedder, pictures).shape == (5, 768)


def test_two_at_once_embed_once(embedder):
    pictures, results = Pictures(), []
    threads = [
        threading.Thread(target=lambda: results.append(embed_measured(NearestPixelEmbedder(), pictures)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pictures.read == 70
    assert sorted(result.cached for result in results) == [False, True, True, True]


def test_without_the_cache_nothing_is_read_or_written(embedder):
    pictures = Pictures(5)
    assert not embed_measured(embedder, pictures, use_cache=False).cached
    assert not cache_root().exists()
    embed_cached(embedder, pictures)
    entry(embedder, pictures, ".npy").write_bytes(b"")
    assert embed_cached(embedder, pictures, use_cache=False).shape == (5, 768)
    assert entry(embedder, pictures, ".npy").read_bytes() == b""


def test_an_error_leaves_nothing(embedder):
    class Broken(Pictures):
        def image(self, index):
            if index == 50:
                raise EmbeddingError("photo 50", expected="a", found="b", action="c")
            return super().image(index)

    with pytest.raises(EmbeddingError, match="photo 50"):
        embed_cached(embedder, Broken())
    assert [file.suffix for file in (cache_root() / "embeddings").iterdir()] in ([], [".lock"])


def test_memory_does_not_grow_with_the_source(embedder):
    pictures = Pictures(200)
    most = 0

    def watch(batches, *, total=None, label=""):
        nonlocal most
        assert total == 7
        assert label
        for number, batch in enumerate(batches, start=1):
            most = max(most, pictures.read - number * embedder.batch_size)
            yield batch

    assert embed_cached(embedder, pictures, progress=watch).shape == (200, 768)
    assert most <= 2 * embedder.batch_size


def test_an_empty_source(embedder):
    assert embed_cached(embedder, Pictures(0)).shape == (0, 768)


def test_galleries_and_files_are_sources(embedder, tmp_path):
    from cardembed.cards.catalogue import load_catalogue

    catalogue = load_catalogue("synthetic:5:3")
    gallery = GallerySource(catalogue)
    assert len(gallery) == 3
    embeddings = embed_cached(embedder, gallery)
    assert (embeddings[1] == embedder.embed([catalogue.image(catalogue.ids[1])])[0]).all()
    assert gallery.digest != GallerySource(load_catalogue("synthetic:6:3")).digest
    paths = []
    for index in range(3):
        paths.append(tmp_path / f"{index}.png")
        gallery.image(index).save(paths[-1])
    assert np.abs(embed_cached(embedder, FileSource(paths)) - embeddings).max() < 1e-6
    assert FileSource(paths).digest != FileSource(paths[::-1]).digest
