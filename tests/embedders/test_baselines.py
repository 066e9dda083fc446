import imagehash
import numpy as np
from PIL import Image

from cardembed.embedders.baselines import PerceptualHashEmbedder


def test_the_cosine_of_two_hashes_is_their_hamming_distance():
    generator = np.random.default_rng(0)
    pictures = [
        Image.fromarray(generator.integers(0, 256, (128, 128, 3), dtype=np.uint8)).resize((128, 128))
        for _ in range(3)
    ]
    embedder = PerceptualHashEmbedder()
    embeddings = embedder.embed(pictures)
    hashes = [imagehash.phash(picture, hash_size=16) for picture in pictures]
    for a in range(3):
        for b in range(3):
            expected = 1 - 2 * (hashes[a] - hashes[b]) / 256
            assert abs(float(embeddings[a] @ embeddings[b]) - expected) < 1e-6
