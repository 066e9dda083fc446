import json

import numpy as np
import pytest
from PIL import Image

from cardembed._io import sha256_file
from cardembed.embedders.files import open_artefact
from cardembed.embedders.onnx_safety import check_onnx
from cardembed.errors import ArtefactError, UsageError
from cardembed.export.int8 import export_int8
from cardembed.export.source import source_of_target
from cardembed.release import Release


@pytest.fixture(scope="module")
def source(random_release):
    return source_of_target(Release.load(random_release), "hailo8l")


class Photos:
    """What calibration asks of a photo set."""

    digest, root = "0" * 64, "photos"

    def __init__(self, split):
        self.split = split

    def __len__(self):
        return 4

    def image(self, index):
        noise = np.random.default_rng(index).integers(0, 256, (40, 30, 3), dtype=np.uint8)
        return Image.fromarray(noise)


def test_an_ort_file_is_written_with_its_operators_and_embeds(run, random_release, source, tmp_path):
    out = tmp_path / "m.ort"
    options = ("--release", random_release, "--target", "hailo8l", "--out", out, "--json")
    code, text, err = run("export", "ort", *options)
    assert code == 0, err
    record = json.loads(text)
    assert record["sha256"] == sha256_file(out)
    assert record["external_data"] == {"m.ort.config": sha256_file(tmp_path / "m.ort.config")}
    assert "Conv" in (tmp_path / "m.ort.config").read_text()
    assert record["against_float"]["agreement"]["one_minus_cosine"] < 1e-10
    batch = source.preprocessing.batch([Photos("development").image(0)])
    with open_artefact(out, threads=1) as embedder:
        assert embedder.embed_preprocessed(batch).shape == (1, 768)


def test_what_is_no_ort_file_is_refused(tmp_path):
    (tmp_path / "m.ort").write_bytes(b"x" * 40)
    with pytest.raises(ArtefactError, match="no ORT"):
        open_artefact(tmp_path / "m.ort")


def test_int8_is_smaller_near_and_quantised_where_it_may_be(source, tmp_path):
    record = export_int8(source, tmp_path / "m.onnx", Photos("development"), count=4)
    assert record.against_float["bytes_ratio"] < 0.5
    assert 0 < record.against_float["agreement"]["one_minus_cosine"] < 0.1
    assert any(node.op_type == "QuantizeLinear" for node in check_onnx(tmp_path / "m.onnx").graph.node)


def test_int8_is_not_calibrated_on_what_judges(source, tmp_path):
    with pytest.raises(UsageError, match="judge"):
        export_int8(source, tmp_path / "m.onnx", Photos("verdict"))
