"""A device that gives no answer is asked once more in a run, and not again."""

import pytest

from cardembed.conformance.patience import Patience
from cardembed.errors import (
    DeviceLostError,
    DeviceMissingError,
    DriverMismatchError,
    InfrastructureError,
    WrongArchitectureError,
)


def failure(kind, found="nothing"):
    return kind("chip", expected="an answer", found=found, action="look")


def test_one_retry_then_the_error_stands():
    patience, noted = Patience(pause=0), []
    patience.note = noted.append
    patience.check()
    assert patience.again(failure(DeviceLostError))
    patience.check()
    assert not patience.again(failure(DeviceMissingError, "still nothing"))
    with pytest.raises(DeviceMissingError, match="still nothing"):
        patience.check()
    assert not patience.again(failure(DeviceMissingError))
    assert [type(error) for error in noted] == [DeviceLostError, DeviceMissingError]


def test_the_processes_of_a_run_have_one_retry_between_them(tmp_path):
    folder = tmp_path / "run"
    first, second = (Patience(pause=0, folder=folder) for _ in range(2))
    assert first.again(failure(DeviceLostError))
    assert not second.again(failure(DeviceMissingError, "nothing here, too"))
    with pytest.raises(DeviceMissingError, match="nothing here, too"):
        second.check()
    first.check()  # it may hold the device that the other one waited for
    third = Patience(pause=0, folder=folder)  # such as a worker in place of one that crashed
    assert not third.again(failure(DeviceLostError))
    assert Patience(pause=0, folder=tmp_path / "another run").again(failure(DeviceLostError))


@pytest.mark.parametrize("kind", [DriverMismatchError, WrongArchitectureError])
def test_what_time_does_not_heal_is_not_tried_again(kind):
    patience = Patience(pause=0)
    assert not patience.again(failure(kind))
    with pytest.raises(kind):
        patience.check()


def test_a_measurement_that_went_wrong_says_nothing_about_the_next():
    # A chip that answers nonsense, or from memory, is not asked until it pleases; other cells are.
    patience = Patience(pause=0)
    assert not patience.again(failure(InfrastructureError))
    patience.check()
    assert patience.again(failure(DeviceLostError))
