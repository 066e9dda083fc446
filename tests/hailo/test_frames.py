"""Layouts that HailoRT would take without a word, and nobody may give it, under `python -O` either."""

import subprocess
import sys

import numpy as np
import pytest
from hailo_parts import PREPROCESSING, SIZE, pictures

from cardembed.errors import EmbeddingError
from cardembed.hailo.deadline import Deadline
from cardembed.hailo.frames import FrameMaker, check_layout

FRAME = np.zeros((SIZE, SIZE, 3), np.uint8)
WRONG = [
    np.ascontiguousarray(FRAME.transpose(2, 0, 1)),
    FRAME.transpose(2, 0, 1).copy().transpose(1, 2, 0),  # the right shape, in another order of memory
    FRAME.astype(np.int8),  # as many bytes
    FRAME[None],
]


@pytest.mark.parametrize("frame", WRONG)
def test_another_layout_never_reaches_the_chip(open_hef, frame):
    embedder = open_hef()
    with pytest.raises(EmbeddingError, match=r"frames for the Hailo chip: expected \(16, 16, 3\) uint8"):
        embedder._driver.infer(frame, Deadline.after(1))
    assert embedder._driver.infer(FRAME, Deadline.after(1)).shape == (768,)


@pytest.mark.parametrize("normalised", ["chip", "host"])
def test_frames_are_made_of_the_networks_size_alone(normalised):
    maker = FrameMaker(PREPROCESSING, normalised)
    batch = PREPROCESSING.batch(list(pictures(2)))
    assert maker.from_normalised(batch).shape == (2, SIZE, SIZE, 3)
    with pytest.raises(EmbeddingError, match="frames for the Hailo chip"):
        maker.from_normalised(batch[:, :, 1:])


def test_frames_have_to_be_writable():
    frames = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    frames.flags.writeable = False
    with pytest.raises(EmbeddingError, match="can be written"):
        FrameMaker(PREPROCESSING, "chip")._checked(frames)


def test_without_assertions_it_is_checked_all_the_same():
    code = (
        "import numpy as np\n"
        "from cardembed.errors import EmbeddingError\n"
        "from cardembed.hailo.frames import check_layout\n"
        "try:\n"
        "    check_layout(np.zeros((3, 4, 4), np.uint8), (4, 4, 3), np.dtype(np.uint8))\n"
        "except EmbeddingError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert "found (3, 4, 4) uint8, C-ordered" in done.stdout, done.stderr
    check_layout(FRAME, FRAME.shape, FRAME.dtype)
