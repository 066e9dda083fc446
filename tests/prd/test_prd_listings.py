"""The PRD's own listings, executed from their text.

Those about shape, norm and API run as written. Those about trained behaviour get the shipped release's
weights under the PRD's names, and are not run where there is none. The few that cannot run stand in `NOT_RUN`
with their reason, which a run shows.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torchvision.transforms import v2 as torchvision_v2

import cardembed
from cardembed.cards.images import to_array
from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import CardembedError, UnavailableError
from cardembed.models.profiles import IMAGENET_MEAN, IMAGENET_STD
from cardembed.models.weights import build_architecture, load_weights
from cardembed.release import MANIFEST, Release, default_release_dir
from cardembed.training import augmentation

v2: Any = torchvision_v2  # its names are not declared as exported

LISTINGS = Path(__file__).with_name("listings.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", LISTINGS, flags=re.MULTILINE | re.DOTALL)
SHIPPED = Path(__file__).resolve().parents[2] / "fixtures" / "release" / MANIFEST
STUDENT = "hailo8l"

NOT_RUN = {
    "HailoEmbedder": "hailo_platform has no HailoRTDevice; cardembed.HailoEmbedder has "
    "the listing's signature on the real API",
    "model": "Core ML: ct.converters.onnx is gone from coremltools, which converts from PyTorch alone",
}


def names_in(block: str) -> list[str]:
    """What a block defines: its functions and classes, and the variables that its statements assign."""
    found = []
    for node in ast.parse(block).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found


def block_of(name: str) -> str:
    (block,) = [block for block in BLOCKS if name in names_in(block)]
    return str(block)


def listing(name: str, **namespace: Any) -> Any:
    """What the PRD's listing defines under that name, with what it takes from its surroundings."""
    scope: dict[str, Any] = {"torch": torch, "np": np, **namespace}
    exec(compile(block_of(name), f"PRD: {name}", "exec"), scope)
    return scope[name]


@pytest.fixture(scope="module")
def release() -> Release:
    try:
        return Release.load(default_release_dir())
    except CardembedError as error:
        if SHIPPED.is_file():  # the checkout has one: whatever hides it is a fault
            raise
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


def test_every_listing_of_the_prd_is_executed_here_or_says_why_not():
    source = Path(__file__).read_text(encoding="utf-8")
    executed = re.findall(r'listing\(\s*"(\w+)"', source)
    assert len(BLOCKS) == LISTINGS.count("```python") == 8
    assert all(names_in(block) for block in BLOCKS)
    named = [name for block in BLOCKS for name in names_in(block)]
    assert sorted(named) == sorted({*executed, *NOT_RUN})
    assert not NOT_RUN.keys() & set(executed)
    # Formatters rewrite listings even in Markdown: these are the PRD's quotes and line ends.
    assert "StudentModel('convnext_tiny', embedding_dim=768)" in LISTINGS
    assert "        dynamic_axes={\n            'input': {0: 'batch_size'},\n" in LISTINGS


@pytest.mark.parametrize("name", NOT_RUN)
def test_listing_that_is_not_run(name):
    assert NOT_RUN[name].strip()
    pytest.skip(f"PRD listing {name!r}: {NOT_RUN[name]}")


def test_the_reason_for_not_running_core_ml_holds():
    found = importlib.util.find_spec("coremltools")  # not imported: that takes seconds and warns
    if found is None or found.origin is None:
        pytest.skip("coremltools is not installed")
    converters = Path(found.origin).parent / "converters"
    assert converters.is_dir()
    assert not [path for path in converters.iterdir() if path.stem.lstrip("_") == "onnx"]
    assert "ct.converters.onnx.convert(" in block_of("model")


def test_our_hailo_embedder_has_the_listings_signatures():
    (written,) = [n for n in ast.parse(block_of("HailoEmbedder")).body if isinstance(n, ast.ClassDef)]
    methods = [node for node in written.body if isinstance(node, ast.FunctionDef)]
    assert [method.name for method in methods] == ["__init__", "embed"]
    for method in methods:
        ours = inspect.signature(getattr(cardembed.HailoEmbedder, method.name))
        positional = [name for name, p in ours.parameters.items() if p.kind is not p.KEYWORD_ONLY]
        assert positional == [argument.arg for argument in method.args.args]
        assert all(p.default is not p.empty for p in ours.parameters.values() if p.kind is p.KEYWORD_ONLY)


class Composed:
    """As albumentations' Compose: called with `image=`, an array (H, W, 3), it returns a dict with one."""

    def __init__(self, transforms: list[Any]) -> None:
        self.transforms = transforms

    def __call__(self, *, image: Any) -> dict[str, Any]:
        changed = v2.Compose([v2.ToImage(), *self.transforms])(image)
        return {"image": np.ascontiguousarray(changed.permute(1, 2, 0).numpy())}


def coarse_dropout(
    *,
    min_holes: int,
    max_holes: int,
    min_height: int,
    max_height: int,
    min_width: int,
    max_width: int,
    fill_value: float,
    p: float,
) -> augmentation.CoarseDropout:
    assert (min_height, max_height) == (min_width, max_width)  # ours has one range for both sides
    holes, size = (min_holes, max_holes), (min_height, max_height)
    return augmentation.CoarseDropout(holes, size, fill=fill_value / 255, p=p)


# albumentations' names (it is no dependency), mapped to what torchvision and cardembed have.
ALBUMENTATIONS = SimpleNamespace(
    Compose=Composed,
    Resize=lambda height, width: v2.Resize((height, width), antialias=True),
    HorizontalFlip=lambda p: v2.RandomHorizontalFlip(p),
    ColorJitter=lambda *, p, **amounts: v2.RandomApply([v2.ColorJitter(**amounts)], p=p),
    RandomRotate90=augmentation.RandomRotate90,
    Normalize=lambda mean, std: v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]),
    CoarseDropout=coarse_dropout,
)


@pytest.fixture(scope="module")
def picture() -> Any:
    catalogue = cardembed.load_catalogue("synthetic:3:2")
    return to_array(catalogue.image(catalogue.ids[0]))


def drawn(augments: Any, picture: Any, seeds: int = 40) -> list[Any]:
    """The picture augmented from several seeds; it stays as it is."""
    before, found = picture.copy(), []
    for seed in range(seeds):
        torch.manual_seed(seed)
        found.append(augments(image=picture)["image"])
    assert (picture == before).all()
    return found


def test_standard_augmentations_as_written(picture):
    augments = listing("standard_augments", A=ALBUMENTATIONS)
    found = drawn(augments, picture)
    for image in found:
        assert (image.shape, image.dtype) == ((224, 224, 3), np.float32)
        assert np.isfinite(image).all()
        restored = image * np.array(IMAGENET_STD) + np.array(IMAGENET_MEAN)
        assert -1e-6 <= restored.min() < restored.max() <= 1 + 1e-6
    assert any((image != found[0]).any() for image in found[1:])
    assert any(np.allclose(image[:, ::-1], other) for image in found for other in found)  # the flip


def test_occlusion_augmentations_as_written(picture):
    augments = listing(
        "occlusion_augments",
        A=ALBUMENTATIONS,
        GridMaskAugmentation=cardembed.GridMaskAugmentation,
        SyntheticGlareAugmentation=cardembed.SyntheticGlareAugmentation,
    )
    found = drawn(augments, picture)
    for image in found:
        assert (image.shape, image.dtype) == (picture.shape, np.uint8)
    changed = [(image != picture).any(axis=2).mean() for image in found]
    assert any(share > 0.001 for share in changed)
    assert any(share == 0 for share in changed)  # none of the three is certain
    # The preset `prd` has the listing's parts with the listing's numbers.
    ours = [
        part for part in augmentation.PRESETS["prd"](224) if type(part).__module__.startswith("cardembed")
    ]
    theirs = augments.transforms
    kept = [part for part in ours if isinstance(part, tuple(type(part) for part in theirs))]
    assert [type(part) for part in kept] == [type(part) for part in theirs]
    for mine, written in zip(kept, theirs, strict=True):
        for name in ("p", "holes", "size", "fill", "area"):
            assert getattr(mine, name, None) == getattr(written, name, None)


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
    student = trained[STUDENT]
    catalogue = cardembed.load_catalogue(release.catalogue)
    cards = {"pikachu.jpg": catalogue[0]}
    cards["charizard.jpg"] = next(card for card in catalogue if card.artwork != catalogue[0].artwork)

    def load_card_image(name: str) -> Any:
        return tensor(catalogue.image(cards[name].id), student.input_size)

    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    rotated_and_jittered = v2.Compose(
        [v2.RandomRotation(3, v2.InterpolationMode.BILINEAR), v2.ColorJitter(0.1, 0.1, 0.1)]
    )

    def augment(image: Any) -> Any:
        # Colours are jittered in 0..1: a normalised image would lose every value below 0 to it.
        changed = (rotated_and_jittered(image * std + mean) - mean) / std
        assert (changed != image).any()
        return changed

    names = {"StudentModel": lambda *_, **__: student, "load_card_image": load_card_image}
    with torch.inference_mode():
        for seed in range(4):
            torch.manual_seed(seed)
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


def test_the_hailo_listings_end_where_the_device_is_missing(tmp_path):
    hef = tmp_path / "convnext_tiny.hef"
    hef.write_bytes(b"\x01HEF")
    names: dict[str, Any] = {"HailoEmbedder": lambda _: cardembed.HailoEmbedder(str(hef))}
    for function in (listing("test_hailo_deployment", **names), listing("test_retrieval_accuracy", **names)):
        with pytest.raises(UnavailableError):
            function()
