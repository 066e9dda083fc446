import json
import sys
from pathlib import Path

import pytest
from hef_building import plain

from benchmarks._hef_files import seal
from cardembed.cli import main

# Synthetic samples of the container format.
SAMPLES = Path(__file__).parents[2] / "fixtures" / "hef"


@pytest.fixture
def run(capsys):
    def inner(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["inspect", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return inner


def test_a_sample_fits_in_words(run):
    code, out, err = run(SAMPLES / "valid_v3.hef")
    assert (code, err) == (0, "")
    assert "container     version 3, XXH3-64 2db7e32db1978fae verified" in out
    assert "architecture  hailo8l" in out
    assert "compiled      by 3.33.1, 2023-11-14 22:13 UTC" in out
    assert "1 context(s), bottleneck 41.5 frames a second (24.1 ms)" in out
    assert "224 × 224 × 3 NHCW, 8 bits, scale 1, zero-point 0" in out
    assert "1 × 1 × 768 NC, 8 bits, scale 0.0125, zero-point 127, 768 scales by channel 0.0125" in out
    assert "\nfits hailo8l\n  warning: container: version 3 needs HailoRT 4.21" in out


def test_a_sample_fits_in_json(run):
    code, out, _ = run(SAMPLES / "valid_v1.hef", "--json")
    found = json.loads(out)
    assert (code, found["fits"], found["findings"]) == (0, True, [])
    assert found["requirement"] == {
        "architecture": "hailo8l",
        "input_size": 224,
        "embedding_dim": 768,
        "latency_ms": 25.0,
    }
    (core,) = found["hef"]["network_groups"][0]["core_ops"]
    assert (core["bottleneck_fps"], core["inputs"][0]["shape"]) == (41.5, [224, 224, 3])
    assert len(core["outputs"][0]["quantisation"]["scales"]) == 768


def test_what_does_not_fit_is_exit_code_one(run):
    code, out, _ = run(SAMPLES / "valid_v1.hef", "--profile", "reference", "--embedding-dim", 512)
    assert code == 1
    assert "\ndoes not fit hailo8l\n" in out
    assert (
        "misfit: card_embedder/input_layer1: expected an input of 128 × 128 × 3, found 224 × 224 × 3" in out
    )
    assert "misfit: card_embedder/fc1: expected an output of 1 × 1 × 512, found 1 × 1 × 768" in out
    code, out, _ = run(SAMPLES / "valid_v1.hef", "--input-size", 128, "--json")
    assert (code, json.loads(out)["fits"]) == (1, False)


@pytest.mark.parametrize("name", ["corrupt_v3.hef", "no_such.hef", "../../pyproject.toml"])
def test_no_intact_hef_is_exit_code_two_and_one_line(run, name):
    code, out, err = run(SAMPLES / name)
    assert (code, out) == (2, "")
    assert err.startswith("cardembed: error: ")
    assert err.count("\n") == 1


def test_a_target_without_a_hef_is_exit_code_two(run):
    code, _, err = run(SAMPLES / "valid_v1.hef", "--target", "ios")
    assert code == 2
    assert "choose one of hailo8l" in err


def test_a_slow_one_is_warned_of_and_no_time_stated_is_none_printed(run, tmp_path):
    file = tmp_path / "slow.hef"
    file.write_bytes(seal(1, plain(fps=12.5)))
    code, out, _ = run(file)
    assert code == 0
    assert "warning: net: bottleneck of 12.5 frames a second: a frame takes at least 80 ms" in out
    file.write_bytes(seal(1, plain(fps=None)))
    assert "no bottleneck stated" in run(file)[1]


def test_none_of_hailos_packages_is_imported(run):
    run(SAMPLES / "valid_v3.hef")
    assert not {"hailo_platform", "hailo_sdk_client"} & set(sys.modules)
