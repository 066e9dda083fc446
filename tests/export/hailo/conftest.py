"""The student whose chip network is tested, and a compile kit of it."""

import sys
from pathlib import Path

import pytest

from cardembed.cards.catalogue import load_catalogue
from cardembed.cards.photo_cache import default_photo_set
from cardembed.cards.photo_plan import PhotoPlan
from cardembed.embedders.preprocessing import Preprocessing

# pytest's importlib mode leaves out the helpers beside the tests, of another folder, and the checkout's.
sys.path += [
    str(Path(__file__).parent),
    str(Path(__file__).parents[2] / "hef"),
    str(Path(__file__).parents[3]),
]


@pytest.fixture(scope="session")
def student(random_release):
    from cardembed.models.weights import load_weights

    return load_weights(random_release / "hailo8l.safetensors").eval()


@pytest.fixture(scope="session")
def like(student):
    return Preprocessing(student.input_size)


@pytest.fixture(scope="session")
def development():
    """Development photos of every condition."""
    plan = PhotoPlan(
        clean=6, clean_second=0, occluded=4, glare=4, unknown=2, unknown_card=0, curve=0, zero_shot=0,
        zero_shot_occluded=0,
    )  # fmt: skip
    cards = load_catalogue("synthetic:5:12")
    return default_photo_set("calibration tests", cards, split="development", plan=plan, workers=1)


@pytest.fixture(scope="session")
def few(development):
    """Calibration images of a kit that no compiler is given: four photos are left to compare on."""
    return len(development) - 4


@pytest.fixture(scope="session")
def kit(random_release, development, few, tmp_path_factory):
    """A kit of the random release, on as many images as there are: read only."""
    from cardembed.export.hailo import kit as kits
    from cardembed.export.source import source_of_target
    from cardembed.release import Release

    source = source_of_target(Release.load(random_release), "hailo8l")
    folder = tmp_path_factory.mktemp("kit")
    kits.write_kit(source, folder, development, count=few, evaluated=4)
    return folder
