import io

from PIL import Image

from cardembed.conformance.report.pictures import LIMIT, Wanted, choose, picture
from cardembed.conformance.report.source import difference, feature_name, places

FEATURE = """@AC-1
Feature: AC-1 Clean

  Background:
    Given a gallery

  Scenario Outline: <target>
    When searching
    Then the card is found

    Examples:
      | target |
      | ios    |
"""


def jpeg(kind: str = "JPEG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (30, 42), "red").save(data, kind)
    return data.getvalue()


def test_steps_are_found_with_keyword_and_line():
    assert feature_name(FEATURE) == "AC-1 Clean"
    steps = places(FEATURE)[7]
    assert [(s.keyword, s.line) for s in steps] == [("Given", 5), ("When", 8), ("Then", 9)]


def test_a_text_that_is_no_gherkin_has_no_places():
    assert places("nonsense <script>") == {}
    assert feature_name("nonsense") == ""


def test_a_difference_numbers_the_new_lines():
    view = difference("a.feature", FEATURE, FEATURE.replace("searching", "searching twice"))
    changed = [(line.number, line.sign, line.text.strip()) for line in view.lines if line.sign]
    assert changed == [(None, "−", "When searching"), (8, "+", "When searching twice")]


def test_lines_that_look_like_the_header_of_a_difference_are_kept():
    view = difference("a", "-- x\nsame", "++ y\nsame")
    assert [(line.sign, line.text) for line in view.lines if line.sign] == [("−", "-- x"), ("+", "++ y")]


def test_images_are_embedded_as_what_they_are():
    shown = picture("photo.svg", lambda _: jpeg(), "a photo")
    assert shown.uri.startswith("data:image/jpeg;base64,")
    assert (shown.width, shown.height, shown.alt) == (30, 42, "a photo")
    assert picture("x.jpg", lambda _: jpeg("PNG"), "").uri.startswith("data:image/png;base64,")


def test_what_is_no_image_is_named_not_embedded():
    for data in (b"<svg onload=alert(1)>", b"", jpeg()[:20], jpeg("GIF"), b"x" * (LIMIT + 1), None):
        shown = picture("x.jpg", lambda _, data=data: data, "alt")
        assert shown.uri == ""
        assert shown.alt != "alt"
    assert picture(None, lambda _: jpeg(), "alt").uri == ""


def test_every_cell_gets_its_worst_photo_before_any_gets_its_second():
    wanted = [Wanted(cell, (f"{cell}{i}",)) for cell in "ab" for i in range(9)]
    sizes = {name: 10 for one in wanted for name in one.names}
    assert choose(wanted, sizes, budget=35) == {"a": 2, "b": 1}
    assert choose(wanted, sizes, budget=10_000) == {"a": 6, "b": 6}
    assert choose([], {}) == {}
