import numpy as np
import pytest
from PIL import Image

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.release import PreprocessingSpec


@pytest.fixture
def picture():
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (252, 180, 3), dtype=np.uint8))


def test_it_is_what_the_formula_says(picture):
    preprocessing = Preprocessing.of(PreprocessingSpec(), 112)
    resized = picture.resize((112, 112), Image.Resampling.BICUBIC)
    expected = (np.asarray(resized) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    got = preprocessing(picture)
    assert got.dtype == np.float32
    assert got.shape == (3, 112, 112)
    assert np.abs(got - expected.transpose(2, 0, 1)).max() < 1e-5


def test_it_is_what_models_were_trained_with(picture):
    transforms = pytest.importorskip("torchvision.transforms.v2")
    torch = pytest.importorskip("torch")
    resized = picture.resize((128, 128), Image.Resampling.BICUBIC)
    convert = transforms.Compose(
        [
            transforms.ToImage(),
            transforms.ToDtype(torch.float32, scale=True),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    assert np.abs(Preprocessing(128)(picture) - convert(resized).numpy()).max() < 1e-5


def test_a_batch_is_its_pictures(picture):
    preprocessing = Preprocessing(32)
    batch = preprocessing.batch([picture, np.asarray(picture)[:50], picture.convert("L")])
    assert (batch[0] == preprocessing(picture)).all()
    assert batch[2].shape == (3, 32, 32)
    assert batch.flags.c_contiguous
    assert preprocessing.batch([]).shape == (0, 3, 32, 32)


def test_shrinking_is_antialiased():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    grey = Preprocessing(32, mean=(0, 0, 0), std=(1, 1, 1))(stripes)
    assert np.abs(grey - 0.5).max() < 0.05


def test_the_digest_follows_every_setting():
    settings = [
        Preprocessing(32),
        Preprocessing(33),
        Preprocessing(32, mean=(0, 0, 0)),
        Preprocessing(32, std=(1, 1, 1)),
        Preprocessing(32, interpolation="bilinear"),
    ]
    assert len({setting.digest for setting in settings}) == len(settings)
    assert Preprocessing(32).digest == Preprocessing.of(PreprocessingSpec(), 32).digest
