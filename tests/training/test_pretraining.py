"""Stage 0: pairs of a scan and a photo, the contrast between them, and a run that can be cut off."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cardembed.models.weights import build_model
from cardembed.training import pretraining
from cardembed.training.contrast import ContrastiveHead
from cardembed.training.loop import LoopOptions
from cardembed.training.pretraining import PairSampler, pretrain, set_patch_drop
from cardembed.training.recipes import PretrainingRecipe
from cardembed.training.run_state import Checkpoint

RECIPE = PretrainingRecipe(steps=4, batch=4, unknowns=3)


def test_a_batch_is_different_cards_each_with_a_photo_of_its_own(pool):
    sampler = PairSampler(pool, 4, 3, seed=1)
    seen = set()
    for step in range(40):
        photos, scans, unknowns = sampler.batch(step)
        assert len(set(pool.cards[scans])) == 4
        assert (pool.cards[photos] == pool.cards[scans]).all()
        assert set(pool.conditions[scans]) == {"scan"}
        assert "scan" not in pool.conditions[photos]
        assert (pool.cards[unknowns] == -1).all()
        seen |= set(photos.tolist())
    assert len(seen) == 24  # every photo of every card


def test_a_batch_depends_on_its_step_alone(pool):
    late = PairSampler(pool, 4, 3, seed=1)
    early = PairSampler(pool, 4, 3, seed=1)
    for step in range(3):
        early.batch(step)
    assert all(np.array_equal(a, b) for a, b in zip(early.batch(3), late.batch(3), strict=True))


def test_more_cards_than_there_are_is_all_of_them(pool):
    photos, scans, unknowns = PairSampler(pool, 100, 100, seed=1).batch(0)
    assert (len(photos), sorted(scans), len(unknowns)) == (6, list(range(6)), 18)


@pytest.fixture
def head():
    head = ContrastiveHead(8, scale=24.0, margin=0.0)
    with torch.no_grad():
        head.background.copy_(torch.eye(8)[7])
    return head


def rows(*numbers):
    return torch.eye(8)[list(numbers)]


def test_the_right_order_costs_nothing_and_another_much(head):
    assert head(rows(0, 1), rows(0, 1), rows(7)).item() < 1e-6
    assert head(rows(0, 1), rows(0, 1), rows(7)[:0]).item() < 1e-6
    assert head(rows(1, 0), rows(0, 1), rows(7)).item() > 20
    assert head(rows(0, 1), rows(0, 1), rows(0)).item() > 20  # a table that looks like a card
    assert head(rows(0, 7), rows(0, 1), rows(7)).item() > 10  # a card that looks like none


def test_the_margin_costs_something(head):
    arguments = (torch.nn.functional.normalize(rows(0, 1) + 0.5, dim=1), rows(0, 1), rows(7))
    before = head(*arguments).item()
    head.margin = 0.3
    assert head(*arguments).item() > before


@pytest.mark.parametrize(("target", "tokens"), [("teacher", 37), ("hailo8l", None)])
def test_patches_are_left_out_in_training_only(target, tokens):
    model = build_model("reference", target, seed=1)
    set_patch_drop(model, 0.5)
    if tokens is None:  # a convolutional network sees all
        assert not hasattr(model.backbone, "patch_drop")
        return
    seen = []
    model.backbone.blocks[0].register_forward_hook(lambda _, arguments, out: seen.append(out.shape[1]))
    images = torch.zeros(2, 3, 128, 128)
    model.train()(images)
    model.eval()(images)
    set_patch_drop(model, 0.0)
    model.train()(images)
    assert seen == [tokens, 69, 69]  # 64 patches, a class token and four registers


def fresh(seed=1):
    return build_model("reference", "teacher", seed=seed)


def test_a_run_that_was_cut_off_ends_as_a_whole_one(catalogue, pool, tmp_path, monkeypatch):
    recipe = replace(RECIPE, patch_drop=0.0)
    whole, parts = fresh(), fresh()
    heard = []
    ended = pretrain(
        whole, pool, catalogue.artworks, recipe, LoopOptions(tmp_path / "a.jsonl", listener=heard.append)
    )
    assert ended["steps"] == 4
    assert heard[-1].keys() >= {"loss", "accuracy", "own_cosine", "other_p99", "unknown_cosine"}
    assert not whole.training

    class CutOffError(Exception):
        pass

    step, saved = pretraining._Run.step, Checkpoint.save

    def interrupted(self, number, progress):
        if number == 2:
            raise CutOffError
        return step(self, number, progress)

    recipe = replace(recipe, learning_rate=1.0001e-3)  # a run of its own, with a checkpoint of its own
    with monkeypatch.context() as patch:
        patch.setattr(pretraining._Run, "step", interrupted)
        patch.setattr(Checkpoint, "save", lambda self, state, *, now=False: saved(self, state, now=True))
        with pytest.raises(CutOffError):
            pretrain(parts, pool, catalogue.artworks, recipe, LoopOptions(tmp_path / "b.jsonl"))
    resumed, again, seen = fresh(), fresh(), []

    def noted(self, number, progress):
        seen.append(number)
        return step(self, number, progress)

    log = LoopOptions(tmp_path / "b.jsonl", resume=True)
    with monkeypatch.context() as patch:
        patch.setattr(pretraining._Run, "step", noted)
        pretrain(resumed, pool, catalogue.artworks, recipe, log)
        assert seen == [2, 3]
        pretrain(fresh(seed=77), pool, catalogue.artworks, recipe, log, seed=77)  # another run
        assert seen == [2, 3, 0, 1, 2, 3]
    pretrain(again, pool, catalogue.artworks, recipe, LoopOptions(tmp_path / "c.jsonl"))
    for name, value in again.state_dict().items():
        assert torch.allclose(value, resumed.state_dict()[name], atol=1e-6), name
