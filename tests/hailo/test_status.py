import json
from pathlib import Path

import pytest

from cardembed import errors
from cardembed.hailo.simulator.hailo_platform.pyhailort._pyhailort import HailoRTStatusException
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper
from cardembed.hailo.status import error_for, is_hailort_error, status_of

STATUSES = json.loads(Path(__file__).with_name("hailo_platform_api.json").read_text())["hailo_status"]
INFRASTRUCTURE = [73, 74, 76, 85, 87, 96]


def mapped(number):
    try:
        with ExceptionWrapper():
            raise HailoRTStatusException(number)
    except Exception as error:
        return error


@pytest.mark.parametrize("number", [int(number) for number in STATUSES if number != "0"])
def test_every_status_is_an_error_of_ours_that_names_it(number):
    for raised in (mapped(number), HailoRTStatusException(number), HailoRTStatusException(str(number))):
        assert is_hailort_error(raised)
        assert status_of(raised) == number
        error = error_for(raised, stage="run", thing="a.hef")
        assert isinstance(error, errors.InfrastructureError)  # while frames run, nothing else is to blame
        assert f"status {number}" in str(error)


@pytest.mark.parametrize("stage", ["open", "load", "configure", "run", "ask"])
@pytest.mark.parametrize("number", INFRASTRUCTURE)
def test_what_says_nothing_about_the_model_never_blames_it(number, stage):
    error = error_for(HailoRTStatusException(number), stage=stage, thing="a.hef")
    assert isinstance(error, errors.InfrastructureError)


@pytest.mark.parametrize("number", [13, 26, 91, 92])
def test_bad_files_are_bad_input(number):
    assert type(error_for(HailoRTStatusException(number), stage="load", thing="a.hef")) is errors.ReleaseError


def test_a_mapped_class_without_a_cause_is_known_by_its_name():
    error = ExceptionWrapper.create_exception_from_status(4)
    assert status_of(error) == 4
    assert status_of(ExceptionWrapper.create_exception_from_status(74)) == 74
    assert status_of(ValueError("5")) is None
    assert not is_hailort_error(ValueError("5"))


def test_old_and_new_hailort_name_another_architecture_differently():
    for number in (26, 93):
        error = error_for(HailoRTStatusException(number), stage="configure", thing="a.hef")
        assert type(error) is errors.WrongArchitectureError


@pytest.mark.parametrize(
    ("attached", "kind"),
    [(False, errors.DeviceMissingError), (True, errors.DeviceBusyError), (None, errors.DeviceBusyError)],
)
def test_a_scan_tells_none_from_in_use(attached, kind):
    assert type(error_for(mapped(74), stage="open", thing="a.hef", attached=attached)) is kind


@pytest.mark.parametrize(
    ("attached", "kind"),
    [
        (False, errors.DeviceMissingError),
        (True, errors.InfrastructureError),
        (None, errors.InfrastructureError),
    ],
)
def test_a_scan_tells_an_unknown_id_from_another_wrong_argument(attached, kind):
    assert type(error_for(mapped(2), stage="open", thing="a.hef", attached=attached)) is kind
