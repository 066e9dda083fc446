import pickle

import pytest

from cardembed import errors


def test_the_docstring_draws_exactly_the_tree_that_exists():
    text = errors.__doc__
    for name in errors.__all__:
        assert f" {name} " in text or f" {name}\n" in text, name


def test_every_error_is_a_cardembed_error_and_public():
    raised = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert {kind.__name__ for kind in raised} == set(errors.__all__)
    assert all(issubclass(kind, errors.CardembedError) for kind in raised)


@pytest.mark.parametrize("name", errors.__all__)
def test_an_error_survives_pickling_with_its_four_parts(name):
    kind = getattr(errors, name)
    error = kind("photo.jpg", expected="an RGB image", found="a\ntext", action="give a JPEG")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.thing, again.expected, again.found, again.action) == (
        "photo.jpg",
        "an RGB image",
        "a\ntext",
        "give a JPEG",
    )


def test_a_message_is_one_line_whatever_a_library_said():
    error = errors.ImageError(
        "a.jpg", expected="an image", found="broken\n  data\r\nstream", action="save it again"
    )
    assert str(error) == "a.jpg: expected an image, found broken data stream; save it again"
