"""What an artefact may ask for where it is known which networks it can be of."""

from dataclasses import asdict

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("coremltools")

from cardembed._io import sha256_artefact  # noqa: E402 - after what may be missing
from cardembed.coreml.limits import Limits  # noqa: E402 - as above
from cardembed.coreml.model import CoreMLModel  # noqa: E402 - as above
from cardembed.embedders.coreml import CoreMLEmbedder  # noqa: E402 - as above
from cardembed.embedders.preprocessing import Preprocessing  # noqa: E402 - as above
from cardembed.errors import ArtefactError  # noqa: E402 - as above
from cardembed.models.profiles import ARCHITECTURES, PROFILES  # noqa: E402 - as above

BOUNDED = ("constant_elements", "tensor_elements", "live_elements", "multiplications", "numbers")


@pytest.mark.parametrize("row", ARCHITECTURES.values(), ids=lambda row: row.name)
def test_none_is_above_the_usual_ones_and_all_grow_with_what_is_known(row):
    usual = asdict(Limits())
    one, two = (asdict(Limits.for_network(row.input_size, row.parameters, batch)) for batch in (1, 2))
    assert all(0 < one[name] <= two[name] <= usual[name] for name in BOUNDED)
    assert one["multiplications"] < usual["multiplications"] // 10
    assert {name: usual[name] for name in usual if name not in BOUNDED}.items() <= one.items()


@pytest.mark.parametrize("target", ["teacher", "android", "ios", "hailo8l"])
@pytest.mark.parametrize("form", ["mlpackage", "mlmodel"])
def test_a_network_needs_a_sixth_of_what_it_may(packages, target, form):
    row = PROFILES["reference"][target]
    path = packages(target, precision="float32", format=form)
    assert CoreMLModel.load(path, limits=Limits.for_network(row.input_size, row.parameters // 6))


class Hungry(torch.nn.Module):
    """Few weights, a few megabytes at a time, and 1.1e10 multiplications a picture of 128 pixels."""

    def forward(self, images):
        rows = images.reshape(1, 384, 128)
        square = (rows @ rows.transpose(1, 2)).repeat(1, 4, 4)
        for _ in range(3):
            square = torch.tanh(square @ square)
        return square.mean(1)[:, :768]


class Wide(torch.nn.Module):
    """2^28 numbers of a picture of 128 pixels."""

    def forward(self, images):
        column = images.mean(1).reshape(1, 16384, 1)
        return torch.tanh(column @ column.transpose(1, 2)).mean(1)[:, :768]


@pytest.mark.parametrize(("network", "said"), [(Hungry, "multiplications"), (Wide, "an intermediate shape")])
def test_work_far_beyond_the_target_is_refused_before_it_is_done(network, said, convert, tmp_path):
    path = convert(network().eval(), tmp_path / "a.mlpackage", (1, 3, 128, 128))
    assert CoreMLModel.load(path).inputs  # within the limits for all networks
    digest = sha256_artefact(path)
    with pytest.raises(ArtefactError, match=said):
        CoreMLEmbedder(
            path, target="ios", sha256=digest, artefact_digest=digest, preprocessing=Preprocessing(128)
        )
