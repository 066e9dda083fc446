"""`cardembed train` and `cardembed export` as users call them."""

import json

import pytest

from cardembed._commands import _training
from cardembed.cli import main
from cardembed.training import runs


@pytest.fixture
def called(monkeypatch):
    """What the commands hand to the runs, which do nothing here."""
    calls = []

    def record(*arguments, **keywords):
        calls.append((arguments, keywords))
        figures = {"AC-1": 0.5}
        return {"file": "w.safetensors", "sha256": "0" * 64, "total_seconds": 1.0, "figures": figures}

    monkeypatch.setattr(runs, "run_teacher", record)
    monkeypatch.setattr(runs, "run_student", record)
    return calls


def run(arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def test_a_teachers_options_reach_its_run(called, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["cardembed", "train", "teacher", "--out", str(tmp_path / "deep" / "out")]
    )
    given = [
        "--catalogue",
        "synthetic:3:4",
        "--out",
        tmp_path,
        "--pretraining-steps",
        8,
        "--views",
        7,
        "--margin",
        0.3,
    ]
    assert run(["train", "teacher", *given, "--batch", 9, "--resume", "--json"]) == 0
    ((options, recipe), keywords) = called[0]
    assert len(options.catalogue) == 4
    assert options.resume
    assert options.training_plan.views_per_card == 7
    assert (recipe.pretraining.steps, recipe.head.margin, recipe.fine_tuning.batch) == (8, 0.3, 9)
    assert (recipe.pretraining.batch, recipe.head.steps) == (40, 100)  # the recipe's own
    assert [(again.batch, again.seed) for again in recipe.refinements] == [(9, 1), (9, 2), (9, 3)]
    assert keywords == {"backbone_weights": None}
    assert options.command == "cardembed train teacher --out out"  # no path of this machine in the record
    assert json.loads(capsys.readouterr().out)["figures"] == {"AC-1": 0.5}


@pytest.mark.parametrize(
    ("cards", "found"),
    [
        (["--catalogue", "synthetic:07001:5"], "those of --catalogue"),
        (["--catalogue", "synthetic:3:4", "--distractors", "synthetic:7001:9"], "those of stage 0"),
        (["--catalogue", "synthetic:3:4", "--distractors", "synthetic:3:9"], "those of --catalogue"),
    ],
)
def test_a_teacher_does_not_learn_the_same_cards_twice(called, tmp_path, capsys, cards, found):
    assert run(["train", "teacher", *cards, "--out", tmp_path]) == 2
    assert not called
    assert found in capsys.readouterr().err


def test_a_student_takes_the_teacher_beside_it(called, tmp_path, capsys):
    assert run(["train", "student", "--target", "ios", "--out", tmp_path, "--steps", 2]) == 0
    ((_options, target, teacher, recipe), _) = called[0]
    assert (target, teacher) == ("ios", tmp_path / "teacher.safetensors")
    assert (recipe.steps, recipe.learning_rate) == (2, 2e-3)
    assert "AC-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["train", "teacher", "--out", "x", "--profile", "huge", "--steps", "1"], "prd, reference"),
        (
            ["train", "teacher", "--out", "x", "--catalogue", "synthetic:x", "--steps", "1"],
            "synthetic:SEED:COUNT",
        ),
        (["train", "teacher", "--out", "x", "--steps", "0"], "--steps"),
        (["train", "teacher", "--out", "x", "--backbone", "none.pth", "--steps", "1"], "none.pth"),
        (
            ["train", "student", "--out", "x", "--target", "watch", "--steps", "1"],
            "'android', 'ios', 'hailo8l'",
        ),
        (
            ["train", "student", "--out", "x", "--target", "server", "--steps", "1"],
            "'android', 'ios', 'hailo8l'",
        ),
        (["train", "student", "--out", "x", "--target", "ios", "--steps", "1"], "no such file"),
        (["export", "onnx", "--out", "x"], "--target"),
        (["export", "onnx", "--out", "x", "--target", "ios", "--weights", "w"], "both"),
        (["export", "onnx", "--out", "x", "--weights", "none.safetensors"], "no such file"),
    ],
)
def test_misuse_is_one_line_and_exit_code_two_and_writes_nothing(
    arguments, text, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_export_writes_a_target_of_a_release(random_release, tmp_path, capsys):
    assert (
        run(
            [
                "export",
                "onnx",
                "--release",
                random_release,
                "--target",
                "android",
                "--out",
                tmp_path,
                "--json",
            ]
        )
        == 0
    )
    written = json.loads(capsys.readouterr().out)
    assert (tmp_path / "vit_tiny_6.onnx").stat().st_size == written["bytes"]


def test_export_writes_the_file_that_was_named(random_release, tmp_path, capsys):
    file = tmp_path / "deep" / "android.onnx"
    arguments = [
        "export",
        "onnx",
        "--release",
        random_release,
        "--target",
        "android",
        "--out",
        file,
        "--json",
    ]
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(file)
    # Nothing half-written beside it.
    assert {path.name for path in file.parent.iterdir()} == {"android.onnx", "android.onnx.json"}


def test_into_a_file_progress_is_a_line_a_minute(monkeypatch, capsys):
    clock = iter((0.0, 59.0, 60.0, 61.0, 130.0))
    monkeypatch.setattr(_training.time, "monotonic", lambda: next(clock))
    display = _training.TrainingDisplay()
    display.rendering(10, 100)
    display.rendering(100, 100)
    for step, progress in ((5, 0.25), (6, 0.3), (15, 0.754)):
        display.report({"step": float(step), "progress": progress, "loss": 1.23456})
    assert capsys.readouterr().err.splitlines() == [
        "views: 10 of 100", "train: 25 %, step 5, loss 1.235", "train: 75 %, step 15, loss 1.235",
    ]  # fmt: skip
