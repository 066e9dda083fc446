"""The options about a chip, read without a run: what contradicts itself is misuse, in one line."""

from types import SimpleNamespace

import pytest

from cardembed.conformance.recorder.options import add_options, read_options

TARGETS = ("teacher", "ios", "hailo8l")


@pytest.fixture
def read(tmp_path):
    def read(*arguments):
        parser = pytest.Parser(_ispytest=True)
        add_options(parser)
        given = parser.parse_known_args(arguments)
        config = SimpleNamespace(
            getoption=lambda name: getattr(given, name.lstrip("-").replace("-", "_")),
            invocation_params=SimpleNamespace(dir=tmp_path),
        )
        return read_options(config, TARGETS)

    return read


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--device", "tpu"), "expected nothing, simulator, or a device's id"),
        (("--device", "0000:01:00"), "expected nothing, simulator, or a device's id"),
        (("--hef", "a.hef"), "expected --device beside it"),
        (("--device", "--hef-normalised", "host"), "expected --hef beside it"),
        (("--device", "simulator", "--device-timeout", "0"), "positive number of seconds"),
        (("--device", "simulator", "--device-timeout", "nan"), "positive number of seconds"),
        (("--target", "teacher", "--device"), "expected --target hailo8l"),
    ],
)
def test_misuse_is_one_line(read, arguments, message):
    with pytest.raises(pytest.UsageError, match=message) as error:
        read(*arguments)
    assert "\n" not in str(error.value)


def test_what_is_asked_for(read, tmp_path):
    asked = read("--target", "hailo8l", "--hef", "a.hef", "--hef-normalised", "host", "--device")
    assert (asked.device, asked.hef, asked.hef_normalised) == ("chip", tmp_path / "a.hef", "host")
    assert asked.device_timeout == 10
    for name in ("simulator", "0000:01:00.0", "000A:0f:00.1"):
        assert read("--device", name, "--device-timeout", "2.5").device == name
    assert (read().device, read().hef, read().hef_normalised) == (None, None, None)


def test_compute_units_are_a_macs(read, monkeypatch):
    monkeypatch.setattr("cardembed.embedders.apple.platform", SimpleNamespace(system=lambda: "Linux"))
    assert read().compute_units is None
    with pytest.raises(pytest.UsageError, match="--compute-units CPU_AND_NE: expected a Mac"):
        read("--compute-units", "CPU_AND_NE")
    monkeypatch.setattr("cardembed.embedders.apple.platform", SimpleNamespace(system=lambda: "Darwin"))
    assert read("--compute-units", "CPU_AND_NE").compute_units == "CPU_AND_NE"
    assert read("--compute-units", "CPU_ONLY", "--target", "teacher,ios").compute_units == "CPU_ONLY"
    with pytest.raises(pytest.UsageError, match="expected --target ios"):
        read("--compute-units", "CPU_ONLY", "--target", "teacher")
