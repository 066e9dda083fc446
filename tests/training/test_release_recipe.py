import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cardembed._io import atomic_write_json, sha256_file
from cardembed.cards.catalogue import load_catalogue
from cardembed.errors import UsageError
from cardembed.training import release_recipe
from cardembed.training.recipes import StudentRecipe, TeacherRecipe
from cardembed.training.release_recipe import read_recipe, train_release
from cardembed.training.runs import RunOptions

TEXT = """
name = "small"
catalogue = "synthetic:5:6"
zero_shot = "synthetic:6:3"
distractors = "synthetic:7:4"

[teacher.head]
steps = 3

[student]
steps = 7

[students.ios]
batch = 9
"""

SHORT = 'name = "a"\ncatalogue = "synthetic:1:2"\n'
RECORDED = Path(__file__).resolve().parents[2] / "fixtures" / "training"


@pytest.fixture
def read(tmp_path):
    """A recipe by its text."""

    def read(text):
        (tmp_path / "r.toml").write_text(text)
        return read_recipe(tmp_path / "r.toml")

    return read


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "recipe.toml").write_text(TEXT)
    return read_recipe(tmp_path / "recipe.toml")


def test_what_is_left_out_is_the_profiles(recipe):
    assert recipe.teacher.head.steps == 3
    assert recipe.teacher.fine_tuning == TeacherRecipe().fine_tuning
    assert recipe.students["android"] == replace(StudentRecipe(), steps=7)
    convolutional = StudentRecipe(steps=7, neighbour_weight=0.25)
    assert recipe.students["hailo8l"] == convolutional
    assert recipe.students["ios"] == replace(convolutional, batch=9)
    assert set(recipe.students) == {"android", "ios", "hailo8l"}


def test_the_prd_profile_has_its_own_settings(tmp_path):
    (tmp_path / "r.toml").write_text('name = "p"\nprofile = "prd"\ncatalogue = "scans"\nbackbone = "b.pth"\n')
    recipe = read_recipe(tmp_path / "r.toml")
    assert recipe.teacher == TeacherRecipe.for_profile("prd")
    assert recipe.catalogue == str(tmp_path / "scans")
    assert recipe.backbone == str(tmp_path / "b.pth")
    assert recipe.gallery() is None


def test_stage_0s_folder_too_is_taken_from_the_file(read, tmp_path):
    recipe = read(SHORT + '[teacher.pretraining]\ncatalogue = "others"')
    assert recipe.teacher.pretraining.catalogue == str(tmp_path / "others")


def test_the_gallery_has_all_parts(recipe):
    gallery = recipe.gallery()
    assert len(gallery) == 13
    assert gallery.learned.digest == recipe.cards().digest == load_catalogue("synthetic:5:6").digest


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name = ", "Invalid value"),
        ('name = "a"', "catalogue"),
        (TEXT + "[teacher.heads]\nsteps = 1\n", "teacher.heads"),
        (TEXT + "[students.watch]\nsteps = 1\n", "students.watch"),
        (TEXT.replace("steps = 7", 'steps = "many"'), "steps"),
        (TEXT.replace("batch = 9", "bach = 9"), "bach"),
        ("profile = 3\n" + TEXT, "profile"),
        (TEXT.replace("steps = 3", "steps = 0"), "at teacher.head.steps"),
        (TEXT.replace("batch = 9", "batch = 0"), "at students.ios.batch"),
        (TEXT.replace("steps = 7", "steps = 0"), "at student.steps"),
        (TEXT.replace("synthetic:6:3", "synthetic:5:3"), "zero_shot has the cards of catalogue"),
        (TEXT.replace("synthetic:6:3", "synthetic:05:6"), "zero_shot has the cards of catalogue"),
        (TEXT.replace("synthetic:7:4", "synthetic:7001:4"), "pretraining.catalogue has the cards of distr"),
        (
            TEXT.replace("synthetic:5:6", "./s").replace("synthetic:7:4", "x/../s"),
            "distractors has the cards",
        ),
        (TEXT.replace("synthetic:6:3", "synthetic:6"), "at zero_shot"),
        (TEXT.replace("synthetic:6:3", "synthetic:6:0"), "at zero_shot"),
        (TEXT.replace("synthetic:6:3", ""), "at zero_shot"),
        (TEXT + '[teacher.pretraining]\ncatalogue = "synthetic:x:1"\n', "at teacher.pretraining.catalogue"),
        (SHORT + 'teacher = "good"', "at teacher"),
        (SHORT + "teacher = 1", "at teacher"),
        (SHORT + "student = 3", "at student"),
        (SHORT + 'student = "x"', "at student"),
        (SHORT + "student = [1]", "at student"),
        (SHORT + 'students = "x"', "at students"),
        (SHORT + "[students]\nios = 3", "at students.ios"),
        (SHORT + "[teacher]\nhead = 3", "at teacher.head"),
        (SHORT + "[teacher]\npretraining = false", "at teacher.pretraining"),
        (SHORT + "[teacher.head]\npush = 3", "at teacher.head.push"),
        (SHORT + "[teacher.refinements]\nsteps = 3", "at teacher.refinements"),
        (SHORT + "[teacher]\nrefinements = [3]", "at teacher.refinements.0"),
        (SHORT + "[[teacher.refinements]]\nstep = 3", "at teacher.refinements.0.step"),
        (SHORT + "backbone = 3", "at backbone"),
        (SHORT + 'backbone = ""', "at backbone"),
        (SHORT + "notes = 1979-05-27", "at notes"),
        ("profile = []\n" + SHORT, "at profile"),
        (f"{SHORT}x = {'[' * 5_000}", "correct the file"),
        (f"{SHORT}x = {'1' * 5_000}", "correct the file"),
    ],
)
def test_a_recipe_with_a_mistake_names_the_setting(tmp_path, text, found):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recipe(tmp_path / "r.toml")
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_says_what_to_give(tmp_path):
    with pytest.raises(UsageError, match="--recipe FILE"):
        read_recipe(tmp_path / "none.toml")


@pytest.fixture
def trainings(monkeypatch, tmp_path):
    """Trainings that only leave their files; which ran, in order."""
    ran = []

    def leave(options, target, recipe, **more):
        ran.append(target)
        path = options.out / f"{target}.safetensors"
        path.write_text(f"{target} {len(ran)}")
        record = options.out / "training.json"
        known = json.loads(record.read_text()) if record.is_file() else {}
        entry = {
            "recipe": asdict(recipe), "profile": options.profile, "sha256": sha256_file(path),
            "catalogue_digest": options.catalogue.digest, **more,
        }  # fmt: skip
        atomic_write_json(record, {**known, target: entry})

    monkeypatch.setattr(
        release_recipe, "run_teacher", lambda options, recipe, **_: leave(options, "teacher", recipe)
    )
    monkeypatch.setattr(
        release_recipe,
        "run_student",
        lambda options, target, teacher, recipe: leave(options, target, recipe, teacher=sha256_file(teacher)),
    )
    return ran


def test_only_what_is_missing_or_made_otherwise_is_trained(recipe, trainings, tmp_path):
    options = RunOptions(catalogue=recipe.cards(), out=tmp_path)
    assert train_release(recipe, options) == ["teacher", "android", "ios", "hailo8l"]
    assert train_release(recipe, options) == []
    (tmp_path / "ios.safetensors").write_text("changed")
    assert train_release(recipe, options) == ["ios"]
    students = {**recipe.students, "hailo8l": replace(recipe.students["hailo8l"], steps=8)}
    changed = recipe.model_copy(update={"students": students})
    assert train_release(changed, options) == ["hailo8l"]
    teacher = replace(recipe.teacher, seed=1)
    again = changed.model_copy(update={"teacher": teacher})
    assert train_release(again, options) == ["teacher", "android", "ios", "hailo8l"]  # by another teacher
    other = replace(options, catalogue=load_catalogue("synthetic:5:7"))
    assert train_release(again, other)[0] == "teacher"


@pytest.mark.parametrize("there", ["nothing", "folder"])
def test_a_backbone_that_cannot_be_read_ends_it_before_any_training(recipe, trainings, tmp_path, there):
    backbone = tmp_path / "nope.pth"
    if there == "folder":
        backbone.mkdir()
    recipe = recipe.model_copy(update={"backbone": str(backbone)})
    with pytest.raises(UsageError, match="checkpoint that the recipe's backbone names") as caught:
        train_release(recipe, RunOptions(catalogue=recipe.cards(), out=tmp_path))
    assert str(backbone) in str(caught.value)
    assert trainings == []


def test_with_a_backbone_there_is_no_stage_0_whose_cards_could_be_others(read):
    text = 'name = "a"\ncatalogue = "synthetic:7001:4"\n'
    assert read(text + 'backbone = "b.pth"').catalogue == "synthetic:7001:4"
    with pytest.raises(UsageError, match=r"teacher\.pretraining\.catalogue has the cards of catalogue"):
        read(text)


def test_a_refinement_is_laid_over_the_profiles(read):
    first, second, third = TeacherRecipe().refinements
    given = "[[teacher.refinements]]\nsteps = 10\n"
    assert read(SHORT).teacher.refinements == (first, second, third)
    assert read(SHORT + given).teacher.refinements == (replace(first, steps=10),)
    pushed = "[[teacher.refinements]]\n[teacher.refinements.push]\nown_weight = 1\n"
    assert read(SHORT + given + pushed + given * 2).teacher.refinements == (
        replace(first, steps=10),
        replace(second, push=replace(second.push, own_weight=1.0)),
        replace(third, steps=10),
        replace(third, steps=10),
    )
    assert read(SHORT + "[teacher]\nrefinements = []").teacher.refinements == ()
    changed = "[teacher.fine_tuning]\nbatch = 5\n"
    assert read(SHORT + changed).teacher.refinements == (first, second, third)


def test_where_the_profile_has_no_refinement_it_is_laid_over_its_stage_2(read):
    text = SHORT + 'profile = "prd"\n' + "[[teacher.refinements]]\nsteps = 10\n" * 2
    stage2 = TeacherRecipe.for_profile("prd").fine_tuning
    assert read(text).teacher.refinements == (replace(stage2, steps=10),) * 2


IN_A_CHECKOUT = pytest.mark.skipif(not RECORDED.is_dir(), reason="not a checkout")  # wheels have no fixtures


@IN_A_CHECKOUT
def test_the_shipped_recipe_can_be_read():
    file = RECORDED / "reference.toml"
    recipe = read_recipe(file)
    assert len(recipe.cards()) >= 256
    gallery = recipe.gallery()
    assert gallery is not None
    assert len(gallery.zero_shot) == 64
    assert len(gallery.distractors) >= 2048


@IN_A_CHECKOUT
def test_the_shipped_recipe_is_the_one_that_the_recorded_training_had():
    record = RECORDED / "from-nothing" / "training.json"
    recipe = read_recipe(RECORDED / "reference.toml")
    entries = json.loads(record.read_text())
    assert "teacher" in entries
    for target, entry in entries.items():
        settings = recipe.teacher if target == "teacher" else recipe.students[target]
        assert json.loads(json.dumps(asdict(settings))) == entry["recipe"]
        assert recipe.cards().digest == entry["catalogue_digest"]
        assert recipe.distractor_cards().reference == entry["distractors"]
