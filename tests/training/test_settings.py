import dataclasses

import pytest

from cardembed.errors import UsageError
from cardembed.training.recipes import FineTuningRecipe, HeadRecipe, PretrainingRecipe, Push, StudentRecipe
from cardembed.training.release_recipe import read_recipe

TABLES = {
    "teacher.pretraining": PretrainingRecipe,
    "teacher.head": HeadRecipe,
    "teacher.head.push": Push,
    "teacher.fine_tuning": FineTuningRecipe,
    "teacher.fine_tuning.push": Push,
    "student": StudentRecipe,
}
NUMBERS = [
    (table, field.name, field.type)
    for table, kind in TABLES.items()
    for field in dataclasses.fields(kind)
    if not isinstance(field.default, bool | str) and field.name != "push"
]
OUTSIDE = {
    "Count": ["0", "-4", "1.0", "true", "'7'"],
    "AnyCount": ["-1", "2.0", "false", "'7'"],
    "Rate": ["0", "-1e-4", "nan", "inf", "true", "'1'"],
    "Weight": ["-0.1", "nan", "inf"],
    "Share": ["-0.1", "1.1", "nan"],
    "Dropped": ["-0.1", "1", "nan"],
    "Cosine": ["-1.1", "1.1", "nan"],
    "Scale": ["0", "inf", "nan"],
    "Margin": ["-0.1", "1.1", "nan"],
}
ALL = [
    (table, name, value)
    for table, name, kind in NUMBERS
    for value in OUTSIDE["Share" if kind.startswith("Annotated[Share") else kind]
]


@pytest.fixture
def read(tmp_path):
    """A recipe by the text of its settings."""

    def read(text, profile="reference"):
        start = f'name = "a"\nprofile = "{profile}"\ncatalogue = "synthetic:1:2"\n'
        (tmp_path / "r.toml").write_text(start + text)
        return read_recipe(tmp_path / "r.toml")

    return read


def test_there_is_no_number_without_a_range():
    assert len(NUMBERS) > 70
    assert {kind for _, _, kind in NUMBERS} <= {
        *OUTSIDE,
        "Annotated[Share, not_before('ramp_start')]",
        "Annotated[Share, not_before('push_start')]",
    }


@pytest.mark.parametrize(("table", "name", "value"), ALL)
def test_a_number_that_cannot_be_is_refused_by_its_name(read, table, name, value):
    with pytest.raises(UsageError) as caught:
        read(f"[{table}]\n{name} = {value}\n")
    assert f"at {table}.{name}" in str(caught.value)


@pytest.mark.parametrize("value", ["1", "'yes'"])
@pytest.mark.parametrize("name", ["non_cards", "imprint"])
def test_a_switch_is_true_or_false(read, name, value):
    with pytest.raises(UsageError, match=rf"at teacher\.head\.{name}"):
        read(f"[teacher.head]\n{name} = {value}\n")


@pytest.mark.parametrize(
    ("table", "ramp"),
    [("teacher.pretraining", "ramp"), ("teacher.pretraining", "push"), ("teacher.head", "ramp")],
)
def test_a_ramp_ends_where_it_starts_or_later(read, table, ramp):
    with pytest.raises(UsageError, match=rf"ends before {ramp}_start at {table}\.{ramp}_end"):
        read(f"[{table}]\n{ramp}_start = 0.6\n{ramp}_end = 0.5\n")
    with pytest.raises(UsageError, match=f"ends before {ramp}_start"):
        read(f"[{table}]\n{ramp}_start = 1\n")  # the end is the profile's
    read(f"[{table}]\n{ramp}_start = 0.5\n{ramp}_end = 0.5\n")


@pytest.mark.parametrize("profile", ["reference", "prd"])
def test_a_profiles_own_settings_pass(read, profile):
    assert len(read("", profile).students) == 3


def test_what_lies_at_the_edge_passes(read):
    recipe = read("[teacher.head]\nenrolled = 0\nguard_start = 1\n[student]\ndropout = 0\nneighbours = 0\n")
    assert (recipe.teacher.head.enrolled, recipe.teacher.head.guard_start) == (0, 1.0)
    assert recipe.students["ios"].neighbours == 0
