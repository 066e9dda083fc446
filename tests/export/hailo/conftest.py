"""The student whose chip network is tested."""

import pytest

from cardembed.embedders.preprocessing import Preprocessing


@pytest.fixture(scope="session")
def student(random_release):
    from cardembed.models.weights import load_weights

    return load_weights(random_release / "hailo8l.safetensors").eval()


@pytest.fixture(scope="session")
def like(student):
    return Preprocessing(student.input_size)
