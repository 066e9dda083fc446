"""What the commands have found is printed before they look further: the next artefact may take minutes."""

import math

import pytest

from cardembed.errors import EmbeddingError


@pytest.fixture
def ended():
    """An error that ends a command in the middle."""
    return EmbeddingError("the next one", expected="an end", found="none", action="stop")


def test_check_prints_a_line_before_the_next_check(run, random_release, monkeypatch, ended):
    from cardembed.parity.check import Outcome, ParityResult
    from cardembed.parity.subject import Subject

    answers = iter([ParityResult("the first", "exact", Outcome.UNAVAILABLE, None, "no such runtime")])

    def one(*_, **__):
        for answer in answers:
            return answer
        raise ended

    monkeypatch.setattr(Subject, "check", one)
    chosen = ("parity", "check", "--release", random_release, "--target", "android")
    code, out, err = run(*chosen)
    assert (code, out.count("\n"), "no such runtime" in out, "the next one" in err) == (2, 1, True, True)
    assert run(*chosen, "--json")[1] == ""


def test_self_test_prints_a_table_before_the_next_artefact(run, random_release, monkeypatch, ended):
    from cardembed.parity import self_test

    tables = iter([[self_test.Finding("a mutation", "left nothing to damage", {}, math.nan, "")]])

    def one(*_, **__):
        for table in tables:
            return table
        raise ended

    monkeypatch.setattr(self_test, "self_test", one)
    code, out, _ = run("parity", "self-test", "--release", random_release, "--target", "android")
    assert (code, "left nothing to damage" in out) == (2, True)
