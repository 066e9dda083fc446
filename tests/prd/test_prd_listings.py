"""The PRD's own listings, executed from their text.

Those about shape, norm and API run as written. Those about trained behaviour get the shipped release's
weights under the PRD's names, and are skipped, with the reason, where it has none.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import cardembed
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import CardembedError, UnavailableError
from cardembed.models.weights import build_architecture, load_weights
from cardembed.release import Release, default_release_dir

LISTINGS = Path(__file__).with_name("listings.md").read_text(encoding="utf-8")
STUDENT = "hailo8l"


def blocks() -> Iterator[str]:
    yield from re.findall(r"```python\n(.*?)```", LISTINGS, flags=re.DOTALL)


def listing(name: str, **namespace: Any) -> Callable[..., Any]:
    """The PRD's function of that name, with what it takes from its surroundings."""
    (block,) = [block for block in blocks() if f"def {name}(" in block]
    scope: dict[str, Any] = {"torch": torch, "np": np, **namespace}
    exec(compile(block, f"PRD: {name}", "exec"), scope)
    function: Callable[..., Any] = scope[name]
    return function


@pytest.fixture(scope="module")
def release() -> Release:
    try:
        return Release.load(default_release_dir())
    except CardembedError as error:
        pytest.skip(f"no trained release: {error}")


@pytest.fixture(scope="module")
def trained(release: Release) -> dict[str, Any]:
    models = {}
    for target in ("teacher", STUDENT):
        weights = release.weights(target)
        models[target] = load_weights(release.path(weights), sha256=weights.sha256)
    return models


def tensor(image: Any, size: int) -> Any:
    return torch.from_numpy(np.ascontiguousarray(Preprocessing(size=size).batch([image])))


def test_every_listing_of_the_copy_is_executed_here():
    named = set(re.findall(r"^def (\w+)\(", "\n".join(blocks()), flags=re.MULTILINE))
    source = Path(__file__).read_text(encoding="utf-8")
    assert named == set(re.findall(r'listing\(\s*"(\w+)"', source))


@pytest.mark.parametrize("name", ["convnext_tiny"])
def test_shape_and_norm_as_written(name):
    listing("test_embedding_dimension", StudentModel=cardembed.StudentModel)()
    listing("test_embedding_normalized", StudentModel=cardembed.StudentModel)()
    assert cardembed.StudentModel(name).architecture.name == name


def test_export_as_written_and_by_our_function(tmp_path):
    def legacy(*arguments: Any, **keywords: Any) -> None:
        # The listing is of 2022: since torch 2.9 the exporter it means has to be asked for.
        export(*arguments, dynamo=False, **keywords)

    export = torch.onnx.export
    model = build_architecture("convnext_atto").eval()
    model.forward(torch.zeros(2, 3, 224, 224))
    try:
        torch.onnx.export = legacy
        with warnings.catch_warnings():  # deprecated, and its tracer warns of shape checks
            warnings.simplefilter("ignore")
            listing("export_to_onnx")(model, tmp_path)
    finally:
        torch.onnx.export = export
    written = onnx.load(tmp_path / "convnext_tiny.onnx")
    ours = onnx.load(cardembed.export_to_onnx(model, tmp_path / "ours"))
    for file in (written, ours):
        assert [entry.version for entry in file.opset_import if entry.domain == ""] == [17]
        assert file.graph.input[0].name == "input"
        assert file.graph.output[0].name == "embedding"
        assert file.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch_size"


def test_cutmix_gives_what_the_listing_gives():
    def rand_bbox(size: Any, lam: float) -> tuple[int, int, int, int]:
        """As in the CutMix paper's reference code: a box of area 1 − lam, clipped to the image."""
        width, height = size[2], size[3]
        ratio = np.sqrt(1.0 - lam)
        x, y = np.random.randint(width), np.random.randint(height)
        w, h = int(width * ratio), int(height * ratio)
        return (
            int(np.clip(x - w // 2, 0, width)),
            int(np.clip(y - h // 2, 0, height)),
            int(np.clip(x + w // 2, 0, width)),
            int(np.clip(y + h // 2, 0, height)),
        )

    images, labels = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 3, 16, 16), torch.arange(4)
    for function in (listing("cutmix_batch", rand_bbox=rand_bbox), cardembed.cutmix_batch):
        mixed, first, second, lam = function(images.clone(), labels, alpha=1.0)
        assert mixed.shape == images.shape
        assert first.tolist() == labels.tolist()
        assert sorted(second.tolist()) == labels.tolist()
        for row, own, other in zip(mixed, first, second, strict=True):
            kept = (row == own).float().mean() if own != other else torch.tensor(lam)
            assert float(kept) == pytest.approx(lam, abs=1e-6)
            assert set(row.unique().tolist()) <= {float(own), float(other)}


def test_same_card_and_different_cards_on_the_release(release, trained):
    from torchvision.transforms import v2

    student = trained[STUDENT]
    catalogue = cardembed.load_catalogue(release.catalogue)
    cards = {"pikachu.jpg": catalogue[0]}
    cards["charizard.jpg"] = next(card for card in catalogue if card.artwork != catalogue[0].artwork)

    def load_card_image(name: str) -> Any:
        return tensor(catalogue.image(cards[name].id), student.input_size)

    def augment(image: Any) -> Any:
        torch.manual_seed(0)
        return v2.Compose([v2.RandomRotation(3), v2.ColorJitter(0.1, 0.1, 0.1)])(image)

    names = {"StudentModel": lambda *_, **__: student, "load_card_image": load_card_image}
    with torch.inference_mode():
        listing("test_same_card_similarity", augment=augment, **names)()
        listing("test_different_card_dissimilarity", **names)()


def test_student_and_teacher_align_on_the_release(release, trained):
    catalogue = cardembed.load_catalogue(release.catalogue)
    function = listing(
        "test_student_teacher_alignment",
        DINOv3TeacherModel=lambda: trained["teacher"],
        StudentModel=lambda *_, **__: trained[STUDENT],
        test_images=[catalogue.image(card.id) for card in catalogue[:8]],
        # The PRD's sizes are the `prd` profile's: the release's models say their own.
        resize=lambda image, size: tensor(image, trained["teacher" if size == 518 else STUDENT].input_size),
    )
    with torch.inference_mode():
        function()


def test_the_hailo_listings_are_not_run_without_a_device(tmp_path):
    hef = tmp_path / "convnext_tiny.hef"
    hef.write_bytes(b"\x01HEF")
    names: dict[str, Any] = {"HailoEmbedder": lambda _: cardembed.HailoEmbedder(str(hef))}
    for function in (listing("test_hailo_deployment", **names), listing("test_retrieval_accuracy", **names)):
        with pytest.raises(UnavailableError):
            function()
