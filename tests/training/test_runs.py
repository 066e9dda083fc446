"""A teacher and a student trained for a few steps, interrupted and resumed."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cardembed._io import cache_root, sha256_file
from cardembed.errors import ReleaseError, TrainingError, UnknownTargetError
from cardembed.models.weights import build_model, load_weights, read_metadata, save_weights
from cardembed.training import fine_tuning
from cardembed.training import teacher as teacher_module
from cardembed.training.batches import Sampler, catalogue_squares, embed_squares, jitter, to_input
from cardembed.training.figures import alignment_figures, retrieval_figures
from cardembed.training.gallery_scans import GalleryScans
from cardembed.training.recipes import (
    FineTuningRecipe,
    HeadRecipe,
    PretrainingRecipe,
    StudentRecipe,
    TeacherRecipe,
)
from cardembed.training.run_state import Checkpoint, RunLog, curve
from cardembed.training.runs import RunOptions, run_student, run_teacher
from cardembed.training.student import start_from_teacher
from cardembed.training.teacher import TeacherRun
from cardembed.training.view_plan import CHECK_PLAN, PRETRAINING_PLAN, REHEARSAL_PLAN, TRAINING_PLAN

RECIPE = TeacherRecipe(
    pretraining=PretrainingRecipe(steps=2, batch=4, unknowns=2, catalogue="synthetic:9:8"),
    head=HeadRecipe(steps=3, batch=8, guard_start=1.0),  # so few steps separate nothing
    fine_tuning=FineTuningRecipe(steps=4, batch=6, unknowns=2, refresh=2, guard_start=1.0),
    refinements=(
        FineTuningRecipe(steps=2, batch=6, unknowns=2, patch_drop=0.5, patch_drop_until=0.5, seed=1),
    ),
)


@pytest.fixture(scope="module")
def options(catalogue, tmp_path_factory):
    return RunOptions(
        catalogue=catalogue,
        out=tmp_path_factory.mktemp("weights"),
        workers=1,
        command="cardembed train",
        pretraining_plan=replace(PRETRAINING_PLAN, views_per_card=2, unknowns=4),
        rehearsal_plan=replace(REHEARSAL_PLAN, views_per_card=2),
        training_plan=replace(TRAINING_PLAN, views_per_card=5, unknowns=8, unknown_cards=4, outliers=6),
        check_plan=replace(CHECK_PLAN, views_per_card=4, unknowns=7),
    )


@pytest.fixture(scope="module")
def teacher_entry(options, pool):
    return run_teacher(options, RECIPE)


def test_a_teacher_run_writes_weights_log_and_record(options, teacher_entry):
    path = options.out / "teacher.safetensors"
    assert teacher_entry["sha256"] == sha256_file(path)
    assert load_weights(path).architecture.name == "dinov3_vit_tiny"
    assert json.loads(read_metadata(path)["recipe"])["head"]["margin"] == 0.5
    lines = [json.loads(line) for line in (options.out / "teacher.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 4
    assert {"loss", "accuracy", "centre_cosine", "pair_p99"} <= set(lines[-1])
    assert teacher_entry["pretrained"] == sha256_file(options.out / "teacher-pretrained.safetensors")
    stages = [record["seconds"] for record in teacher_entry["last"].values()]
    assert teacher_entry["total_seconds"] == pytest.approx(sum(stages), abs=0.1)
    assert set(teacher_entry["last"]) == {"pretraining", "head", "fine-tuning", "refinement 1"}
    assert {name: records[-1]["step"] for name, records in teacher_entry["curves"].items()} == {
        "pretraining": 2, "head": 3, "fine-tuning": 4, "refinement 1": 2,
    }  # fmt: skip
    record = json.loads((options.out / "training.json").read_text())["teacher"]
    assert record["catalogue_digest"] == options.catalogue.digest
    assert record["figures"].keys() >= {"AC-1", "AC-2", "AC-3", "AC-4 hands", "AC-6", "AC-7"}


def test_a_published_backbone_stands_in_record_and_header(options, tmp_path, monkeypatch):
    file = tmp_path / "dinov3.pth"
    file.write_bytes(b"weights")
    monkeypatch.setattr("cardembed.training.runs.load_backbone", lambda *_: 0)
    monkeypatch.setattr("cardembed.training.runs.TeacherRun", lambda *_, **__: SimpleNamespace(train=dict))
    monkeypatch.setattr("cardembed.training.runs._figures", lambda *_: ({}, None))
    monkeypatch.setattr(RunOptions, "pools", lambda self: (None, None))
    monkeypatch.setattr(RunOptions, "scans", lambda self: None)
    entry = run_teacher(replace(options, out=tmp_path), RECIPE, backbone_weights=file)
    header = read_metadata(tmp_path / "teacher.safetensors")
    assert entry["backbone"] == json.loads(header["backbone"]) == sha256_file(file)
    run_teacher(replace(options, out=tmp_path), RECIPE)
    assert "backbone" not in read_metadata(tmp_path / "teacher.safetensors")


@pytest.mark.parametrize("target", ["android", "hailo8l"])
def test_a_student_run_moves_towards_the_teacher(options, teacher_entry, target):
    heard = []
    entry = run_student(
        replace(options, listener=heard.append),
        target,
        options.out / "teacher.safetensors",
        StudentRecipe(steps=12, batch=12, unknowns=4),
    )
    assert entry["teacher"] == teacher_entry["sha256"]
    assert entry["blocks_from_teacher"] == (6 if target == "android" else 0)
    assert heard[-1]["cosine"] > 0.5
    assert heard[-1]["nearest"] > 0
    assert entry["figures"]["AC-8 clean p5"] > 0.3
    record = json.loads((options.out / "training.json").read_text())
    assert set(record) >= {"teacher", target}


def test_a_fallback_student_learns_and_says_what_it_is(options, teacher_entry, tmp_path):
    heard = []
    source, backbone = options.out / "teacher.safetensors", "ab" * 32
    said = {"recipe": json.loads(read_metadata(source)["recipe"]), "backbone": backbone}
    save_weights(load_weights(source), tmp_path / source.name, metadata=said)
    entry = run_student(
        replace(options, listener=heard.append),
        "hailo8l",
        tmp_path / source.name,
        StudentRecipe(steps=12, batch=12, unknowns=4),
        architecture="regnetx_002",
    )
    weights = options.out / "hailo8l.safetensors"
    assert json.loads(read_metadata(weights)["backbone"]) == backbone  # its licence depends on it
    assert entry["architecture"] == read_metadata(weights)["architecture"] == "regnetx_002"
    student = load_weights(weights)
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in student.modules())
    assert not any(isinstance(module, torch.nn.LayerNorm) for module in student.modules())
    # Statistics of the views that it was trained on: an untrained network's are zeros and ones.
    assert student.backbone.stem.bn.running_mean.abs().max() > 0.01
    assert heard[-1]["cosine"] > 0.5


def test_another_architecture_is_refused(options, teacher_entry):
    for target, name in (("hailo8l", "regnetx_016"), ("ios", "regnetx_002"), ("hailo8l", "vit_tiny_6")):
        with pytest.raises(UnknownTargetError, match=f"{target} architecture"):
            run_student(options, target, options.out / "teacher.safetensors", architecture=name)


def test_a_student_needs_a_teachers_file(options, tmp_path):
    with pytest.raises(ReleaseError, match="no such file"):
        run_student(options, "hailo8l", tmp_path / "none.safetensors")


def test_a_stage_that_ended_is_read_back(options, teacher_entry, monkeypatch):
    for stage in ("pretrain", "train_head", "fine_tune", "backbone_features"):
        monkeypatch.setattr(teacher_module, stage, lambda *_, **__: pytest.fail("trained again"))
    again = run_teacher(options, RECIPE)
    assert again["last"] == teacher_entry["last"]
    assert again["sha256"] == teacher_entry["sha256"]


def test_the_folder_is_enough_to_go_on_from_the_last_stage(options, teacher_entry, tmp_path, monkeypatch):
    elsewhere = replace(options, out=tmp_path)
    for name in ("teacher-pretrained", "teacher-fine-tuning"):
        shutil.copyfile(options.out / f"{name}.safetensors", tmp_path / f"{name}.safetensors")
    with monkeypatch.context() as patch:
        for stage in ("pretrain", "train_head"):
            patch.setattr(teacher_module, stage, lambda *_, **__: pytest.fail("trained again"))
        again = run_teacher(elsewhere, RECIPE)
    steps = {name: record["steps"] for name, record in again["last"].items()}
    assert steps == {"pretraining": 2, "head": 3, "fine-tuning": 4, "refinement 1": 2}
    assert again["last"]["fine-tuning"] == teacher_entry["last"]["fine-tuning"]
    assert again["sha256"] == teacher_entry["sha256"]


def test_another_recipe_of_a_stage_repeats_it_and_what_follows(options, teacher_entry, tmp_path, monkeypatch):
    for file in options.out.glob("teacher-*.safetensors"):
        shutil.copyfile(file, tmp_path / file.name)
    trained = []

    def learn(model, head, pool, recipe, **_):
        trained.append(recipe)
        return {"steps": recipe.steps, "seconds": 1.0}

    monkeypatch.setattr(teacher_module, "fine_tune", learn)
    changed = replace(RECIPE, fine_tuning=replace(RECIPE.fine_tuning, steps=5))
    run_teacher(replace(options, out=tmp_path), changed)
    assert trained == [changed.fine_tuning, *RECIPE.refinements]


def test_a_damaged_file_of_a_stage_is_named(options, teacher_entry, tmp_path):
    for name in ("teacher-pretrained", "teacher-head", "teacher-refinement-1"):
        shutil.copyfile(options.out / f"{name}.safetensors", tmp_path / f"{name}.safetensors")
    file = tmp_path / "teacher-refinement-1.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(TrainingError, match=r"teacher-refinement-1.*delete the file"):
        run_teacher(replace(options, out=tmp_path), RECIPE)


def test_other_settings_pretrain_anew(options, teacher_entry, monkeypatch):
    class TrainedError(Exception):
        pass

    def trained(*_, **__):
        raise TrainedError

    monkeypatch.setattr(teacher_module, "pretrain", trained)
    with pytest.raises(TrainedError):
        run_teacher(options, replace(RECIPE, pretraining=replace(RECIPE.pretraining, steps=3)))


def test_a_stage_that_was_cut_off_goes_on(catalogue, pool, tmp_path, monkeypatch):
    class CutOffError(Exception):
        pass

    step, saved = fine_tuning._Run.step, Checkpoint.save
    recipe = replace(RECIPE, pretraining=None)
    seen = []

    def fresh():
        return build_model("reference", "teacher", seed=1)

    def interrupted(self, number, progress):
        if number == 3:
            raise CutOffError
        return step(self, number, progress)

    def noted(self, number, progress):
        seen.append(number)
        return step(self, number, progress)

    whole = TeacherRun(fresh(), pool, GalleryScans(catalogue), recipe, tmp_path / "whole")
    whole.train()
    with monkeypatch.context() as patch:
        patch.setattr(fine_tuning._Run, "step", interrupted)
        patch.setattr(Checkpoint, "save", lambda self, state, *, now=False: saved(self, state, now=True))
        with pytest.raises(CutOffError):
            TeacherRun(fresh(), pool, GalleryScans(catalogue), recipe, tmp_path / "parts").train()
    monkeypatch.setattr(fine_tuning._Run, "step", noted)
    resumed = TeacherRun(fresh(), pool, GalleryScans(catalogue), recipe, tmp_path / "parts", resume=True)
    assert resumed.train()["fine-tuning"]["steps"] == 4
    assert seen == [3, 0, 1]  # the step that was cut off, then the refinement's
    for name, value in whole.model.state_dict().items():
        assert torch.allclose(value, resumed.model.state_dict()[name], atol=1e-6), name


def test_a_student_of_the_teachers_family_starts_from_every_other_block():
    teacher, student = (
        build_model("reference", "teacher", seed=1),
        build_model("reference", "android", seed=2),
    )
    assert start_from_teacher(student, teacher) == 6
    for number in range(6):
        ours = student.backbone.blocks[number].mlp.fc1.weight
        assert torch.equal(ours, teacher.backbone.blocks[2 * number].mlp.fc1.weight)
    assert torch.equal(student.head.layers[0].weight, teacher.head.layers[0].weight)
    other = build_model("reference", "hailo8l", seed=2)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    assert start_from_teacher(other, teacher) == 0
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())


def test_a_broken_checkpoint_is_named():
    checkpoint = Checkpoint({"what": "test"})
    assert checkpoint.load() is None
    assert not checkpoint.save(dict)  # the interval has not passed
    assert checkpoint.save(lambda: {"step": 1}, now=True)
    assert checkpoint.load() == {"step": 1}
    assert checkpoint.path.is_relative_to(cache_root())
    for broken in (b"broken", b"", b"PK\x03\x04"):
        checkpoint.path.write_bytes(broken)
        with pytest.raises(TrainingError, match="without --resume"):
            checkpoint.load()


def test_input_is_what_the_embedders_preprocessing_gives(catalogue):
    from cardembed.embedders.preprocessing import Preprocessing

    squares = catalogue_squares(catalogue, 112)
    theirs = Preprocessing(size=112).batch([catalogue.image(card.id) for card in catalogue])
    assert np.allclose(to_input(squares).numpy(), theirs, atol=1e-6)


def test_jitter_is_slight_and_repeatable():
    images = to_input(np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8))
    smooth = torch.nn.functional.avg_pool2d(images, 15, 1, 7)
    first, second = (jitter(smooth, np.random.default_rng(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, smooth)
    assert float((first - smooth).abs().mean()) < 0.25 * float(smooth.std()) + 0.1
    assert torch.allclose(jitter(smooth, np.random.default_rng(1), strength=0.0), smooth, atol=1e-5)


def test_batches_pass_over_all_views_and_go_on_where_they_stopped(pool):
    sampler = Sampler(pool, 10, 6, seed=3)
    batches = [sampler.next() for _ in range(6)]
    assert sorted(np.concatenate([batch[:10] for batch in batches[:3]])) == list(range(30))
    assert sorted(np.concatenate([batch[10:] for batch in batches[:3]])) == list(range(30, 48))
    assert not np.array_equal(batches[0], batches[3])
    late = Sampler(pool, 10, 6, seed=3, skip=4)
    assert np.array_equal(late.next(), batches[4])
    assert len(Sampler(pool, 10, 0, seed=3).next()) == 10


def test_embedding_keeps_the_mode_and_does_not_depend_on_batches(pool):
    model = build_model("reference", "hailo8l", seed=1).train()
    whole = embed_squares(model, pool.squares(112)[:5])
    assert model.training
    assert torch.allclose(whole, embed_squares(model, pool.squares(112)[:5], batch=2), atol=1e-6)


def test_figures_of_perfect_embeddings_are_perfect_and_shuffled_ones_are_not(catalogue, pool):
    gallery = np.eye(12, 768, dtype=np.float32)[: len(catalogue)]
    nothing = np.eye(12, 768, dtype=np.float32)[11]
    perfect = np.stack([gallery[card] if card >= 0 else nothing for card in pool.cards])
    figures = retrieval_figures(perfect, gallery, pool, catalogue)
    assert set(figures.values()) == {1.0}
    plain = replace(catalogue[0], finish="plain")
    bare = type("Bare", (), {"artworks": catalogue.artworks, "__getitem__": lambda *_: plain})()
    without = retrieval_figures(perfect, gallery, pool, bare)
    assert set(without) == set(figures) - {"AC-3"}  # no figure rather than NaN, which JSON cannot hold
    wrong = retrieval_figures(np.roll(perfect, 1, axis=0), gallery, pool, catalogue)
    assert wrong["AC-1"] < 0.5
    same = alignment_figures(perfect, perfect, pool)
    assert (same["AC-8 clean"], same["AC-8 clean p5"]) == (1.0, 1.0)
    assert alignment_figures(-perfect, perfect, pool)["AC-8 clean"] == 0.0


def test_the_own_photo_is_searched_among_further_photos_too(pool):
    theirs = np.random.default_rng(0).normal(size=(len(pool.cards), 64)).astype(np.float32)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    student = theirs + 0.1 * np.roll(theirs, 1, axis=0)
    student /= np.linalg.norm(student, axis=1, keepdims=True)
    assert alignment_figures(student, theirs, pool)["AC-8 own nearest"] == 1.0
    assert alignment_figures(student, theirs, pool, -student)["AC-8 own nearest"] == 1.0
    assert alignment_figures(student, theirs, pool, student)["AC-8 own nearest"] == 0.0


@pytest.mark.parametrize(("records", "kept"), [(0, 0), (3, 3), (20, 20), (21, 11), (60, 20), (61, 16)])
def test_a_curve_is_thinned_and_ends_where_the_log_ends(tmp_path, records, kept):
    log = RunLog(tmp_path / "log.jsonl")
    for step in range(records):
        log.write(step=step, loss=1 / (step + 3))
    found = curve(tmp_path / "log.jsonl")
    assert len(found) == kept
    assert len({b["step"] - a["step"] for a, b in pairwise(found)}) <= 1
    if records:
        assert found[-1]["step"] == records - 1
        assert found[-1]["loss"] == float(f"{1 / (records + 2):.4g}")


def test_a_run_without_a_log_has_no_curve(tmp_path):
    assert curve(tmp_path / "none.jsonl") == []
