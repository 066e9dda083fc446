"""The simulator's names, signatures, bases and codes against those of HailoRT 4.23, written down as data."""

import inspect
import json
from pathlib import Path

import pytest

from cardembed.hailo.simulator import hailo_platform
from cardembed.hailo.simulator.hailo_platform.pyhailort import _pyhailort, pyhailort, statuses
from cardembed.hailo.simulator.hailo_platform.pyhailort.exceptions import ExceptionWrapper

API = json.loads(Path(__file__).with_name("hailo_platform_api.json").read_text())


def classes(tree, home, prefix=""):
    for name, content in tree.items():
        yield pytest.param(content, home, name, id=prefix + name)
        if "classes" in content:
            yield from classes(content["classes"], (home, name), f"{prefix}{name}.")


def resolve(home, name):
    return getattr(resolve(*home), name) if isinstance(home, tuple) else getattr(home, name)


def written(function):
    """Arguments as in a `def`, without annotations: what the data has."""
    parts = []
    keyword_only = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        text = "*" + parameter.name if parameter.kind is parameter.VAR_POSITIONAL else parameter.name
        if parameter.default is not parameter.empty:
            default = parameter.default
            if hasattr(default, "value") and hasattr(default, "name"):
                text += f"={type(default).__name__}.{default.name}"
            else:
                text += f"={default!r}"
        parts.append(text)
    return ", ".join(parts)


def test_all_public_names_are_there():
    assert set(hailo_platform.__all__) == set(API["__all__"])
    for name in API["__all__"]:
        assert getattr(hailo_platform, name) is not None


@pytest.mark.parametrize(("content", "home", "name"), list(classes(API["classes"], pyhailort)))
def test_every_class_has_hailorts_signatures(content, home, name):
    kind = resolve(home, name)
    for base in content.get("bases", []):
        assert base.rpartition(".")[2] in {parent.__name__ for parent in kind.__mro__[1:]}
    for method, says in content.get("methods", {}).items():
        found = inspect.getattr_static(kind, method)
        binds = type(found).__name__ if isinstance(found, staticmethod | classmethod) else None
        assert [binds] == (says.get("decorators") or [None]), method
        function = getattr(found, "__func__", found)
        assert written(function) == says["args"].replace(": '_pyhailort.Device'", ""), method
    for name_ in content.get("properties", []):
        assert isinstance(inspect.getattr_static(kind, name_), property), name_
    for name_, value in content.get("values", {}).items():
        assert getattr(kind, name_) == value


@pytest.mark.parametrize(("content", "home", "name"), list(classes(API["classes"], pyhailort)))
def test_no_class_has_more_than_hailorts(content, home, name):
    # What only the simulator has, a driver would find missing on a chip.
    if name.startswith("Nms"):
        return  # dataclasses, whose fields the data does not tell
    known = {
        entry for part in ("methods", "properties", "values", "classes") for entry in content.get(part, ())
    }
    assert {entry for entry in vars(resolve(home, name)) if not entry.startswith("_")} <= known


def test_no_object_that_a_driver_gets_has_more_than_hailorts(hef):
    params = hailo_platform.VDevice.create_params()
    params.scheduling_algorithm = hailo_platform.HailoSchedulingAlgorithm.ROUND_ROBIN
    with hailo_platform.VDevice(params) as vdevice:
        model = vdevice.create_infer_model(str(hef))
        with model.configure() as configured:
            bindings = configured.create_bindings()
            objects = [vdevice, model, model.input(), configured, bindings, bindings.input(), model.hef]
            for one in (
                *objects,
                vdevice.get_physical_devices()[0],
                vdevice.get_physical_devices()[0].control,
            ):
                assert [entry for entry in vars(one) if not entry.startswith("_")] == [], type(one).__name__


@pytest.mark.parametrize("name", API["low_level"]["enums"])
def test_enumerations(name):
    kind = getattr(_pyhailort, name)
    assert list(kind.__members__) == API["low_level"]["enums"][name]
    assert [int(member) for member in kind.__members__.values()] == list(range(len(kind.__members__)))


STRUCTS = {name: fields for name, fields in API["low_level"]["structs"].items() if hasattr(_pyhailort, name)}


@pytest.mark.parametrize("name", STRUCTS)
def test_structures_have_no_other_fields(name):
    own = set(vars(getattr(_pyhailort, name))["__dataclass_fields__"])
    assert own <= set(STRUCTS[name])
    assert own or name == "ActivateNetworkGroupParams"


USED = {
    "ConfigureParams", "FirmwareVersion", "HailoFormat", "QuantInfo", "SupportedFeatures", "TemperatureInfo",
    "VDeviceParams", "VStreamInfo", "VStreamParams",
}  # fmt: skip
"""What a driver reads or sets: all of HailoRT's fields are there. Boards tell more about their health."""


@pytest.mark.parametrize("name", sorted(USED))
def test_the_structures_that_drivers_use_are_whole(name):
    assert set(STRUCTS[name]) <= set(dir(getattr(_pyhailort, name))) | set(
        vars(getattr(_pyhailort, name))["__dataclass_fields__"]
    )


def test_statuses():
    numbers = {int(number): name for number, name in API["hailo_status"].items()}
    assert dict(enumerate(statuses.STATUSES)) == numbers
    for number, name in numbers.items():
        error = ExceptionWrapper.create_exception_from_status(number)
        expected = API["status_to_exception"].get(name, "HailoRTException")
        assert type(error).__name__ == expected
        with pytest.raises(type(error)), ExceptionWrapper():
            raise _pyhailort.HailoRTStatusException(number)
    assert not issubclass(_pyhailort.HailoRTStatusException, pyhailort.HailoRTException)
    assert not hasattr(hailo_platform, "HailoRTTimeout")
    assert pyhailort.HailoRTTimeout
