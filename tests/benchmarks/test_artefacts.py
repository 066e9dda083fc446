"""The table of full-size artefacts."""

from pathlib import Path

from benchmarks import artefacts
from benchmarks._artefact_table import COLUMNS, FLOAT_ROUTE, Measured, heading, reasons, row
from benchmarks._timing import Comparison
from cardembed.parity.check import Outcome, ParityResult
from cardembed.parity.classes import Agreement
from cardembed.parity.retrieval import RetrievalCost
from cardembed.parity.routes import ROUTES


def timed(ratio, limit=None):
    return Comparison("x", ours=1 / ratio, peer=1, ratio=ratio, rounds=1, limit=limit)


def test_a_row_has_every_column():
    cost = RetrievalCost(32, 16, 16, 0.1, 0.98, 7e-3)
    result = ParityResult("android onnx-int8", "c", Outcome.UNJUDGED, Agreement(7e-3, 2e-2, 4), "few", cost)
    cells = row(Measured(result, 0.2567, timed(2.0)), timed(1.6)).strip("| ").split(" | ")
    assert len(cells) == len(COLUMNS)
    assert cells[-5:] == ["16 of 16", "98.0%", "0.26", "0.50", "0.80"]  # half PyTorch's; the float one .625
    assert heading().splitlines()[1].count("---") == len(COLUMNS)


def test_what_was_not_measured_is_a_dash():
    missing = Measured(ParityResult("ios onnx", "float32", Outcome.EXPORT, None, "no"))
    assert row(missing, timed(1)).split(" | ")[2:] == ["–"] * 6 + ["– |"]
    passed = ParityResult("ios onnx", "float32", Outcome.PASSED, Agreement(0, 0, 4), "")
    assert "1.25 (at most 1.10, MISSED) | – |" in row(Measured(passed, 1, timed(0.8, 1 / 1.1)), None)


def test_reasons_stand_below_the_table():
    results = [
        ParityResult("ios onnx", "c", Outcome.PASSED, None, ""),
        ParityResult("ios coreml-int8", "c", Outcome.UNJUDGED, None, "18 of 32 cards"),
    ]
    assert reasons(map(Measured, results)) == "- ios coreml-int8, not judged: 18 of 32 cards"


def test_all_three_students_and_core_ml_for_the_transformer():
    names = {target: [route.name for route in artefacts._routes(target, ())] for target in artefacts.TARGETS}
    assert names["hailo8l"] == ["onnx", "hailo-int8"]
    assert names["android"][-3:] == ["coreml-float32", "coreml-weights", "coreml-optimistic"]
    assert set(names["android"][-3:]) <= set(artefacts.LIMITS)
    chosen = artefacts._routes("android", ("onnx", "coreml-weights"))
    assert [route.name for route in chosen] == ["onnx", "coreml-weights"]
    assert {name for pair in FLOAT_ROUTE.items() for name in pair} <= {route.name for route in ROUTES}


def test_where_nothing_was_executed_the_command_fails(monkeypatch, capsys):
    result = ParityResult("android onnx", "c", Outcome.UNAVAILABLE, None, "no such package")
    monkeypatch.setattr(artefacts, "_measured", lambda subject, route: Measured(result))
    monkeypatch.setattr(artefacts, "_release", lambda folder, targets: Path(folder))
    assert artefacts.main(["--target", "android", "--route", "onnx"]) == 1
    assert capsys.readouterr().out.endswith("\n- android onnx, not run: no such package\n")
