"""The teacher's stages 1 and 2, and what holds them together."""

import numpy as np
import pytest
import torch

from cardembed.errors import TrainingError
from cardembed.models.heads import ArcFaceHead
from cardembed.models.weights import build_model
from cardembed.training.batches import catalogue_squares
from cardembed.training.classes import (
    STRANGER,
    badly_placed,
    class_means,
    drawn_scans,
    enrolled_costs,
    teacher_loss,
    view_floors,
    view_labels,
)
from cardembed.training.features import backbone_features, in_parts, module_digest, square_features
from cardembed.training.fine_tuning import trainable_blocks
from cardembed.training.head import HeadData, train_head
from cardembed.training.loop import LoopOptions
from cardembed.training.losses import Gallery
from cardembed.training.recipes import FineTuningRecipe, HeadRecipe, Push, TeacherRecipe
from cardembed.training.view_plan import UNKNOWN_CARD

FLOORS = torch.full((4,), Push().own_floor)


def test_cards_outside_the_catalogue_belong_to_no_class(pool, catalogue):
    labels = view_labels(pool, len(catalogue)).numpy()
    assert (labels[pool.cards >= 0] == pool.cards[pool.cards >= 0]).all()
    strangers = pool.families == UNKNOWN_CARD
    assert strangers.any()
    assert (labels[strangers] == STRANGER).all()
    assert (labels[(pool.cards < 0) & ~strangers] == len(catalogue)).all()


def test_only_clean_views_are_pulled_all_the_way(pool):
    floors = view_floors(pool, Push(own_floor=0.9, hidden_floor=0.5))
    for condition, floor in (("scan", 0.9), ("clean", 0.9), ("occluded", 0.5), ("glare", 0.5)):
        rows = pool.conditions == condition
        assert rows.any()
        assert floors[torch.from_numpy(rows)].unique().tolist() == pytest.approx([floor])


def test_each_view_is_pulled_to_its_own_floor(small):
    head, gallery = small
    views = torch.tensor([[0.8, 0.0, 0.0, 0.0, 0.6]]).repeat(2, 1)  # cosine .8 to the first card
    floors = torch.tensor([0.95, 0.75])
    _, figures = teacher_loss(head, views, torch.tensor([0, 0]), floors, gallery=gallery, push=Push())
    # The two's mean; of non-cards, which are pulled, too, there is none.
    assert figures["pulled"] == pytest.approx(0.15**2 / 2, rel=1e-5)


def test_class_means_are_unit_vectors_and_ignore_strangers():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 0.0]])
    means = class_means(embeddings, torch.tensor([0, 0, 1, STRANGER]), 3)
    assert torch.allclose(means[0], torch.tensor([0.5, 0.5]).sqrt())
    assert means[1].tolist() == [0, -1]
    assert float(means[2].norm()) == pytest.approx(1)


@pytest.fixture
def small():
    head = ArcFaceHead(5, 3, margin=0.0, scale=24.0)  # two cards, and no card
    head.imprint(torch.eye(5)[[0, 1, 3]])
    gallery = Gallery(["a", "b", "c"], learned=2)
    gallery.embeddings = torch.eye(5)[[0, 1, 2]]
    return head, gallery


def test_the_loss_is_small_where_everything_is_in_its_place(small):
    head, gallery = small
    labels = torch.tensor([0, 1, 2, STRANGER])
    loss, figures = teacher_loss(
        head, torch.eye(5)[[0, 1, 3, 4]], labels, FLOORS, gallery=gallery, push=Push()
    )
    assert loss.item() < 1e-4
    assert (figures["accuracy"], figures["own_cosine"], figures["unknown_cosine"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("row", "label", "name"),
    [
        (0, 2, "unknown"),  # a table on a card of the catalogue
        (2, 2, "unknown"),  # a table on a card outside it
        (0, STRANGER, "unknown"),  # a card outside the catalogue on one of it
        (1, 0, "other"),  # a card on another
        (2, 0, "other"),  # a card on one outside the catalogue
    ],
)
def test_what_matches_a_gallery_embedding_that_it_must_not_is_pushed(small, row, label, name):
    head, gallery = small
    _, figures = teacher_loss(
        head, torch.eye(5)[[row]], torch.tensor([label]), FLOORS[:1], gallery=gallery, push=Push()
    )
    ceiling = Push().unknown_ceiling if name == "unknown" else Push().other_ceiling
    assert figures[name] == pytest.approx((1 - ceiling) ** 2)


@pytest.mark.parametrize("label", [0, STRANGER])
def test_a_card_where_non_cards_are_is_pushed_from_there(small, label):
    head, gallery = small
    _, figures = teacher_loss(
        head, torch.eye(5)[[3]], torch.tensor([label]), FLOORS[:1], gallery=gallery, push=Push()
    )
    assert figures["background"] == pytest.approx((1 - Push().background_ceiling) ** 2)


@pytest.mark.parametrize("label", [0, 2])
def test_what_is_far_from_where_it_belongs_is_pulled(small, label):
    head, gallery = small
    _, figures = teacher_loss(
        head, torch.eye(5)[[4]], torch.tensor([label]), FLOORS[:1], gallery=gallery, push=Push()
    )
    assert figures["pulled"] == pytest.approx(Push().own_floor ** 2)


def test_scans_in_the_gallery_are_kept_apart_and_off_the_non_cards(small):
    head, gallery = small
    rows = torch.tensor([2])

    def costs(row):
        return enrolled_costs(head, torch.eye(5)[[row]], rows, gallery, Push()).item()

    assert costs(2) == 0  # its own place in the gallery
    assert costs(4) == 0
    assert costs(0) == pytest.approx(Push().crowding_weight * (1 - Push().other_ceiling) ** 2)
    assert costs(3) == pytest.approx(Push().background_weight * (1 - Push().background_ceiling) ** 2)


def test_scans_that_lie_badly_are_drawn_more_often(small):
    head, gallery = small
    gallery.embeddings = torch.eye(5)[[0, 1, 3]]  # the third lies where non-cards do
    costs = badly_placed(head, gallery, Push())
    assert costs.tolist()[:2] == [[0, 0], [0, 0]]
    assert costs[2].tolist() == pytest.approx([0, 0.9**2])
    gallery.embeddings = torch.eye(5)[[0, 0, 3]]  # now the first two lie on each other
    costs = badly_placed(head, gallery, Push())
    assert costs.tolist() == pytest.approx(np.array([[0.6**2, 0], [0.6**2, 0], [0, 0.9**2]]))
    drawn = drawn_scans(costs, 10, np.random.default_rng(0))
    assert len(drawn) == 10
    assert (drawn[6:8] < 2).all()
    assert (drawn[8:] == 2).all()
    anyone = drawn_scans(torch.zeros(3, 2), 300, np.random.default_rng(0))
    assert torch.bincount(anyone, minlength=3).min() > 60


def test_a_batch_without_cards_has_figures(small):
    head, gallery = small
    _, figures = teacher_loss(
        head, torch.eye(5)[[3]], torch.tensor([2]), FLOORS[:1], gallery=gallery, push=Push()
    )
    assert not any(np.isnan(value) for value in figures.values())


def test_only_the_last_blocks_of_the_backbone_learn():
    model = build_model("reference", "teacher", seed=1)
    trainable_blocks(model, 4)
    learning = {name for name, value in model.backbone.named_parameters() if value.requires_grad}
    assert {name.split(".")[1] for name in learning if name.startswith("blocks.")} == {"8", "9", "10", "11"}
    assert not {name for name in learning if name.startswith(("patch_embed", "cls_token", "reg_token"))}
    assert all(value.requires_grad for value in model.head.parameters())
    convolutional = build_model("reference", "hailo8l", seed=1)
    trainable_blocks(convolutional, 1)
    learning = {name for name, value in convolutional.backbone.named_parameters() if value.requires_grad}
    assert {name.split(".")[1] for name in learning if name.startswith("stages.")} == {"3"}


def test_features_are_those_of_the_backbone_and_computed_once(pool, monkeypatch):
    model = build_model("reference", "teacher", seed=3)
    told = []
    features = backbone_features(model, pool, progress=lambda done, total: told.append((done, total)))
    assert features.shape == (len(pool), 192)
    assert told[-1] == (len(pool), len(pool))
    assert np.array_equal(features[:5], square_features(model, pool.squares(128)[:5]))
    monkeypatch.setattr(model.backbone, "forward", lambda *_: pytest.fail("embedded again"))
    assert np.array_equal(backbone_features(model, pool), features)
    other = build_model("reference", "teacher", seed=4)
    assert module_digest(model.backbone) != module_digest(other.backbone)


def test_an_array_in_parts_goes_on_after_its_last_part(tmp_path):
    path, seen = tmp_path / "deep" / "rows.npy", []

    def compute(start, stop):
        if start == 4 and len(seen) == 2:
            seen.append("cut off")
            raise KeyboardInterrupt
        seen.append(start)
        return np.arange(start, stop, dtype=np.float16)[:, None]

    with pytest.raises(KeyboardInterrupt):
        in_parts(path, 5, compute, size=2)
    assert in_parts(path, 5, compute, size=2).ravel().tolist() == [0, 1, 2, 3, 4]
    assert seen == [0, 2, "cut off", 4]
    assert not path.with_suffix(".parts").exists()


def run_head(catalogue, pool, tmp_path, *, resume=False, seed=1, **settings):
    model = build_model("reference", "teacher", seed=seed)
    data = HeadData(
        features=backbone_features(model, pool),
        labels=view_labels(pool, len(catalogue)),
        floors=view_floors(pool, Push()),
        scans=square_features(model, catalogue_squares(catalogue, 128)),
        gallery=Gallery(catalogue.artworks),
    )
    recipe = HeadRecipe(**{"steps": 60, "batch": 16, "learning_rate": 3e-3, **settings})
    options = LoopOptions(tmp_path / "head.jsonl", resume=resume)
    return train_head(model, data, recipe, options, key=f"{tmp_path.name} {seed}")


def test_the_head_learns_on_frozen_features(catalogue, pool, tmp_path):
    head, ended = run_head(catalogue, pool, tmp_path)
    assert head.weight.shape == (len(catalogue) + 1, 768)
    assert head.margin == 0.5
    assert ended["accuracy"] > 0.5
    assert ended["centre_cosine"] > 0.3


def test_a_collapse_stops_the_run(catalogue, pool, tmp_path, monkeypatch):
    monkeypatch.setattr(Gallery, "signs", lambda *_: {"centre_cosine": -0.2, "pair_p99": 0.0})
    with pytest.raises(TrainingError, match="collapsed"):
        run_head(catalogue, pool, tmp_path)


def test_the_prds_profile_has_the_prds_numbers():
    recipe = TeacherRecipe.for_profile("prd")
    assert recipe.pretraining is None
    assert (recipe.head.scale, recipe.head.margin, recipe.head.learning_rate) == (64, 0.5, 1e-3)
    assert (recipe.fine_tuning.blocks, recipe.fine_tuning.backbone_learning_rate) == (4, 1e-5)
    assert recipe.head.imprint
    assert recipe.refinements == ()
    assert TeacherRecipe.for_profile("reference").pretraining is not None
    assert isinstance(recipe.fine_tuning, FineTuningRecipe)


def test_a_head_that_was_trained_is_read_back_and_one_of_another_start_is_not(catalogue, pool, tmp_path):
    head, ended = run_head(catalogue, pool, tmp_path)
    again, resumed = run_head(catalogue, pool, tmp_path, resume=True)
    assert resumed["steps"] == ended["steps"] == 60
    assert resumed["accuracy"] == pytest.approx(ended["accuracy"], rel=1e-5)  # from the log
    assert torch.equal(again.weight, head.weight)
    assert again.margin == head.margin
    other, _ = run_head(catalogue, pool, tmp_path, resume=True, seed=2)
    assert not torch.equal(other.weight, head.weight)


def test_without_non_cards_their_class_is_not_learned(catalogue, pool, tmp_path):
    with_them, _ = run_head(catalogue, pool, tmp_path, imprint=False, non_cards=True)
    without, _ = run_head(catalogue, pool, tmp_path, imprint=False, non_cards=False)
    start = ArcFaceHead(768, len(catalogue) + 1)  # shapes only
    assert with_them.weight.shape == without.weight.shape == start.weight.shape
    assert not torch.allclose(with_them.classes[-1], without.classes[-1], atol=1e-3)
