from dataclasses import replace

import pytest
from click.testing import CliRunner

from cardembed._commands.train import command
from cardembed._io import sha256_file
from cardembed.errors import TrainingError
from cardembed.training import ablations
from cardembed.training.ablations import Ablation, Schedule, ablate, as_markdown
from cardembed.training.recipes import HeadRecipe
from cardembed.training.runs import RunOptions


@pytest.fixture
def runs(monkeypatch):
    """Trainings that only note their recipes; the second teacher collapses."""
    seen = []

    def teacher(options, recipe):
        seen.append(("teacher", recipe, (options.out / "teacher-pretrained.safetensors").is_file()))
        if not recipe.head.imprint:
            raise TrainingError("step 9", expected="apart", found="alike", action="ramp")
        return {"figures": {"top-1": 0.5, "AC-4 hands": 0.75, "AC-4 wood": 0.25, "AC-7": 0.125}}

    def student(options, target, teacher, recipe):
        seen.append((target, recipe, teacher.name))
        return {"figures": {"AC-8 clean": 0.625}}

    monkeypatch.setattr(ablations, "run_teacher", teacher)
    monkeypatch.setattr(ablations, "run_student", student)
    return seen


def test_each_run_differs_in_one_thing(runs, tmp_path, catalogue):
    pretrained = tmp_path / "stage0.safetensors"
    pretrained.write_text("stage 0")
    options = RunOptions(catalogue=catalogue, out=tmp_path / "out")
    rows = list(ablate(options, tmp_path / "t", Schedule(3, 2, 4), pretrained=pretrained))
    assert len(rows) == len(runs) == 12
    teachers = [recipe for what, recipe, _ in runs if what == "teacher"]
    base, random, without_non_cards, without_stage0, neither_imprint, neither_non_cards = teachers
    assert (base.head.steps, base.fine_tuning.steps, base.refinements) == (3, 2, ())
    assert random == replace(base, head=replace(base.head, imprint=False, ramp_start=0, ramp_end=0))
    assert without_stage0 == replace(base, pretraining=None)
    assert neither_imprint == replace(random, pretraining=None)
    assert neither_non_cards == replace(without_non_cards, pretraining=None)
    assert not without_non_cards.head.non_cards
    assert without_non_cards.fine_tuning.unknowns == 0
    assert [there for what, _, there in runs if what == "teacher"] == [True] * 3 + [False] * 3
    students = [recipe for what, recipe, _ in runs if what == "hailo8l"]
    whole = students[0]
    assert (whole.reduction, whole.unknowns, whole.neighbours, whole.dropout, whole.steps) == (
        "sum",
        12,
        15,
        0,
        4,
    )
    alone = {"neighbours": 0, "reduction": "mean"}
    assert students[1:] == [
        replace(whole, **change)
        for change in ({"reduction": "mean"}, {"unknowns": 0}, {"neighbours": 0}, alone, {"dropout": 0.1})
    ]
    assert rows[1].ended.startswith("step 9")
    assert HeadRecipe().non_cards


def test_rows_that_ended_are_read_back(runs, tmp_path, catalogue, monkeypatch):
    teacher = tmp_path / "teacher.safetensors"
    teacher.write_bytes(b"weights")
    asked = []

    def recorded(options, target, settings, start):
        asked.append((options.out.name, target, start))
        return {"figures": {"AC-8 clean": 0.5}} if options.out.name == "student-1" else None

    monkeypatch.setattr(ablations, "recorded_entry", recorded)
    options = RunOptions(catalogue=catalogue, out=tmp_path / "out", resume=True)
    rows = list(ablate(options, teacher, pretrained=teacher))
    assert len(rows) == len(runs) + 1
    assert [row.figures["AC-8 clean"] for row in rows[6:]] == [0.625, 0.5, *[0.625] * 4]
    assert ("student-1", "hailo8l", {"teacher": sha256_file(teacher)}) in asked
    assert ("teacher-0", "teacher", {"backbone": None, "pretrained": sha256_file(teacher)}) in asked
    assert ("teacher-3", "teacher", {"backbone": None}) in asked  # it has no stage 0


@pytest.mark.parametrize(("only", "trained"), [("teachers", ["teacher"] * 6), ("students", ["hailo8l"] * 6)])
def test_half_of_the_table_runs_alone(runs, tmp_path, catalogue, only, trained):
    options = RunOptions(catalogue=catalogue, out=tmp_path / "out")
    assert len(list(ablate(options, tmp_path / "t", only=only))) == len(trained)
    assert [what for what, *_ in runs] == trained


def test_the_command_trains_the_students_of_the_target_that_it_is_told(runs, tmp_path):
    teacher = tmp_path / "teacher.safetensors"
    teacher.write_bytes(b"weights")
    options = ["--only", "students", "--target", "android", "--student-steps", "7"]
    places = ["--catalogue", "synthetic:1:4", "--teacher", str(teacher), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(command, ["ablations", *options, *places])
    assert ended.exit_code == 0, ended.output
    assert [(what, recipe.steps) for what, recipe, _ in runs] == [("android", 7)] * 6
    assert "| student: squared error averaged over dimensions |" in ended.output


def test_the_table_names_the_worst_family_and_what_ended_early():
    rows = [
        Ablation("all", {"AC-4 hands": 0.75, "AC-4 wood": 0.25, "top-1": 0.5}),
        Ablation("bad", {}, ended="collapsed"),
    ]
    lines = as_markdown(rows).splitlines()
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert "| 0.250 (wood) | 0.500 | 0.500 |" in lines[2]
    assert "ended early" in lines[3]
    assert lines[-1] == "bad: collapsed"
