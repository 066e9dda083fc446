"""Responses that are refused: each for its own reason, in one line."""

import shutil
import stat
import time
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from device_parts import Exchange

from cardembed.devices.check import check_response
from cardembed.devices.records import records_root
from cardembed.devices.wire import WireFile
from cardembed.embedders.apple import COMPUTE_UNITS
from cardembed.errors import CardembedError, EvidenceError
from cardembed.fidelity import Fidelity

OTHER = "ab" * 32


def refuses(exchange: Exchange, text: str, **more):
    with pytest.raises(EvidenceError, match=text) as caught:
        check_response(exchange.response, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def zipped(exchange, change=lambda archive: None):
    out = exchange.folder / "response.zip"
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(exchange.response.iterdir()):
            archive.write(file, file.name)
        change(archive)
    return out


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("nonce", "nonce: expected the request's"),
        ("request_sha256", "request_sha256: expected the request's"),
        ("artefact_sha256", "artefact_sha256: expected the request's"),
    ],
)
def test_another_nonce_request_or_artefact(exchange, field, text):
    refuses(exchange.change(**{field: OTHER}), text)


def test_a_request_that_this_machine_did_not_make(exchange):
    refuses(exchange.change(request_id="12" * 16), "no record of it")


def test_a_record_that_was_damaged(exchange):
    file = records_root() / f"{exchange.record.request.request_id}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("{")
    refuses(exchange, "a request's record")


@pytest.mark.parametrize("length", [0, 1, 200, 1500])
def test_a_truncated_response(exchange, length):
    file = exchange.response / "response.json"
    file.write_bytes(file.read_bytes()[:length])
    refuses(exchange, "a device response, schema version 1")


@pytest.mark.parametrize("cut", [0, 4, 3071, 6 * 3072 - 1])
def test_truncated_embeddings(exchange, cut):
    file = exchange.response / "jpeg-embeddings.f32"
    file.write_bytes(file.read_bytes()[:cut])
    refuses(exchange, "truncated or changed")


def test_embeddings_for_fewer_photos_are_refused_even_where_their_digest_fits(exchange):
    refuses(exchange.put_rows(exchange.rows()[:5]), "15360 bytes in place of 18432")


def test_a_file_that_is_missing_or_not_asked_for(exchange):
    (exchange.response / "more.txt").write_text("x")
    refuses(exchange, "also more.txt")
    (exchange.response / "more.txt").unlink()
    (exchange.response / "tensor-embeddings.f32").unlink()
    refuses(exchange, "no tensor-embeddings.f32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_embeddings_that_are_not_finite(exchange, value):
    rows = exchange.rows("jpeg")
    rows[3, 5] = value
    refuses(exchange.put_rows(rows, "jpeg"), "NaN or infinity in 1 rows, the first is 3")


@pytest.mark.parametrize("scale", [0.0, 0.99, 1.0001, 1e30])
def test_embeddings_that_are_no_unit_vectors(exchange, scale):
    rows = exchange.rows()
    rows[2] *= scale
    assert "in row 2" in refuses(exchange.put_rows(rows), "away from 1")


def test_photos_in_another_order(exchange):
    photos = exchange.content["photos"]
    refuses(exchange.change(photos=photos[::-1]), "photos")
    refuses(exchange.change(photos=photos[:-1]), "photos")


def test_one_file_for_both_forms(exchange):
    refuses(exchange.change(jpeg_embeddings=exchange.content["tensor_embeddings"]), "one for both")


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        ([], "0 latency samples of 20"),
        ([10**6 + i for i in range(19)], "19 latency samples of 20"),
        ([100_000 + i for i in range(20)], "latency samples over 0.002 of 0.01 s"),
        ([10**6 + i for i in range(19)] + [9_999], "a latency of 9999 ns"),
        ([10**6] * 20, "1 different values among 20"),
        ([10**12 + i for i in range(20)], "of loading and samples within a run of"),
        ([10**6 + i for i in range(2001)], "where 2000 are the most"),
    ],
)
def test_latency_that_nobody_measured(exchange, samples, text):
    refuses(exchange.change(latency_ns=samples), text)


@pytest.mark.parametrize("samples", [[-1] * 20, ["1000000"] * 20, [1.5e6] * 20, [2**63] * 20, None])
def test_latency_that_is_no_number_of_nanoseconds(exchange, samples):
    refuses(exchange.change(latency_ns=samples), "latency_ns")


def test_too_little_warm_up(exchange):
    refuses(exchange.change(warm_up=1), "at least 2, found 1")


def test_clocks_that_contradict_each_other(exchange):
    clock = exchange.content["clock"]
    away = {**clock, "finished_ns": clock["finished_ns"] + 3600 * 10**9}
    refuses(exchange.change(clock=away), "by the monotonic clock and")
    refuses(exchange.change(clock={**clock, "finished_ns": 0, "started_ns": 1}), "an end before its start")
    refuses(exchange.change(clock=clock, load_ns=0), "loaded in no time")


def test_times_before_the_request_and_in_the_future(exchange):
    created = exchange.record.request.created
    check_response(exchange.response, now=created + timedelta(days=20))  # old is the gate's to judge
    refuses(exchange, "ended in the future", now=created - timedelta(hours=2))

    def shifted(hours):
        moved = created + timedelta(hours=hours)
        return {"started": moved.isoformat(), "finished": (moved + timedelta(seconds=5)).isoformat()}

    clock = {"name": "c", "started_ns": 0, "finished_ns": 5 * 10**9}
    exchange.change(clock=clock, **shifted(-2))
    refuses(exchange, "before it was asked for")
    exchange.change(**shifted(2))
    refuses(exchange, "ended in the future", now=datetime.now(UTC))
    check_response(exchange.change(**shifted(0.5)).response)  # clocks of two machines differ


def test_times_without_a_zone(exchange):
    refuses(exchange.change(started="2030-01-01T00:00:00"), "started")


@pytest.mark.parametrize(
    ("claims", "ceiling"),
    [
        ({}, "runtime"),
        ({"app__kind": "mac"}, "runtime"),
        ({"app__kind": "android", "device__physical": False}, "emulated"),
        ({"app__kind": "ios"}, "reference"),  # another target's app
    ],
)
def test_nothing_but_the_targets_app_on_hardware_is_a_device(exchange, claims, ceiling):
    refuses(exchange.change(fidelity="device", **claims), f"at most {ceiling}")


def test_a_device_and_what_it_warns_of(exchange):
    checked = check_response(exchange.as_device().response)
    assert checked.fidelity is Fidelity.DEVICE
    runtime = exchange.content["runtime"]
    exchange.change(
        runtime=runtime | {"requested": ["XNNPACK", "CPU"], "used": ["CPU"]},
        thermal={"before": "nominal", "after": "serious"},
    )
    exchange.put_rows(exchange.rows("tensor"), "jpeg")
    found = check_response(exchange.response).warnings
    assert found[0] == "fell back: XNNPACK asked for, CPU used"
    assert found[1] == "hot: thermal state nominal before and serious after"
    assert found[2] == "the rows from the JPEGs are those from the tensors, bit by bit"
    exchange.change(runtime=runtime | {"used": []})
    assert check_response(exchange.response).warnings[0].startswith("the runtime does not say")


@pytest.mark.parametrize(
    ("requested", "used", "missing"),
    [
        ("ALL", ["neuralEngine"], ""),
        ("ALL", ["cpu", "neuralEngine"], ""),
        ("ALL", ["cpu", "gpu"], ""),
        ("ALL", ["cpu"], "gpu, neuralEngine"),
        ("CPU_AND_NE", ["neuralEngine"], ""),
        ("CPU_AND_NE", ["cpu"], "neuralEngine"),
        ("CPU_AND_GPU", ["gpu"], ""),
        ("CPU_AND_GPU", ["cpu"], "gpu"),
        ("CPU_ONLY", ["cpu"], ""),
    ],
)
def test_compute_units_are_allowed_and_need_not_all_be_used(exchange, requested, used, missing):
    runtime = exchange.content["runtime"] | {"requested": list(COMPUTE_UNITS[requested]), "used": used}
    found = check_response(exchange.as_device(runtime=runtime).response).warnings
    wanted = [f"fell back: {missing} asked for, {', '.join(used)} used"] if missing else []
    assert [warning for warning in found if "fell back" in warning] == wanted


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"kind": "cardembed-device-request"},
        {"surprise": 1},
        {"photos": []},
        {"fidelity": "certain"},
        {"thermal": {"before": "cool", "after": "cool"}},
        {"request_id": "../../../../etc/passwd"},
        {"load_ns": True},
    ],
)
def test_another_schema(exchange, change):
    refuses(exchange.change(**change), "schema version 1")


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "C:\\x", "a/../../b", ".hidden", "a//b", ""])
def test_a_response_that_names_files_elsewhere(exchange, path):
    file = exchange.content["tensor_embeddings"] | {"path": path}
    refuses(exchange.change(tensor_embeddings=file), "tensor_embeddings.path")


# --- archives ---


def test_a_zip_is_read_as_the_folder_is(exchange):
    checked = check_response(zipped(exchange))
    np.testing.assert_array_equal(checked.tensor, exchange.rows())


@pytest.mark.parametrize("name", ["../escape.txt", "/etc/cron.d/x", "a\\..\\b", "C:/x", "x/../../y", ".env"])
def test_an_archive_with_paths_that_lead_elsewhere(exchange, name):
    out = zipped(exchange, lambda archive: archive.writestr(zipfile.ZipInfo(name), b"x"))
    before = sorted(path.name for path in exchange.folder.parent.rglob("*"))
    with pytest.raises(EvidenceError, match="the name"):
        check_response(out)
    assert sorted(path.name for path in exchange.folder.parent.rglob("*")) == before


def test_an_archive_with_a_link(exchange):
    link = zipfile.ZipInfo("photo.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = zipped(exchange, lambda archive: archive.writestr(link, "/etc/passwd"))
    with pytest.raises(EvidenceError, match="a link or a special file"):
        check_response(out)


def test_a_folder_with_a_link(exchange):
    file = exchange.response / "jpeg-embeddings.f32"
    file.rename(exchange.folder / "elsewhere")
    file.symlink_to(exchange.folder / "elsewhere")
    refuses(exchange, "a link or a special file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_a_name_twice(exchange):
    out = zipped(exchange, lambda archive: archive.writestr("response.json", b"{}"))
    with pytest.raises(EvidenceError, match=r"response.json twice"):
        check_response(out)


def test_an_archive_that_explodes(exchange):
    """A hundred megabytes of zeros in less than one: what is read stops at what the response may hold."""
    (exchange.response / "response.json").unlink()
    out = exchange.folder / "bomb.zip"
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("response.json", "w") as member,
    ):
        for _ in range(100):
            member.write(bytes(1 << 20))
    assert out.stat().st_size < 1 << 20
    with pytest.raises(EvidenceError, match="more than 67108864 bytes"):
        check_response(out)


def test_embeddings_that_explode(exchange):
    file = exchange.response / "tensor-embeddings.f32"
    file.unlink()
    out = exchange.folder / "bomb.zip"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for other in exchange.response.iterdir():
            archive.write(other, other.name)
        archive.writestr(file.name, bytes(64 << 20))
    with pytest.raises(EvidenceError, match="more than 18432 bytes"):
        check_response(out)


def test_an_archive_of_too_many_files(exchange, monkeypatch):
    monkeypatch.setattr("cardembed.devices.archive.MAX_FILES", 2)
    with pytest.raises(EvidenceError, match="more than 2 files"):
        check_response(zipped(exchange))
    refuses(exchange, "more than 2 files")


def test_an_archive_whose_directory_alone_is_too_large(exchange):
    out = exchange.folder / "many.zip"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number in range(45_000):
            archive.writestr(zipfile.ZipInfo(f"{'x' * 150}{number}"), b"")
    begin = time.monotonic()
    with pytest.raises(EvidenceError, match="a directory of"):
        check_response(out)
    assert time.monotonic() - begin < 2


def test_a_file_that_is_too_large_to_be_read_as_a_whole(exchange, tmp_path):
    from cardembed.devices.archive import Parcel

    with Parcel(exchange.response) as parcel, pytest.raises(EvidenceError, match="are the most"):
        parcel.checked(WireFile(path="tensor-embeddings.f32", sha256=OTHER, bytes=1 << 39))


def test_an_encrypted_archive_or_another_compression(exchange):
    out = exchange.folder / "other.zip"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.write(exchange.response / "response.json", "response.json")
    with pytest.raises(EvidenceError, match="another method than deflate"):
        check_response(out)


@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.9, 0.999])
def test_a_truncated_archive(exchange, keep):
    out = zipped(exchange)
    data = out.read_bytes()
    out.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(EvidenceError, match="no ZIP archive"):
        check_response(out)


def test_changed_bytes_of_an_archive_are_never_believed(exchange):
    out = zipped(exchange)
    data = out.read_bytes()
    reference = check_response(out)
    rng = np.random.default_rng(5)
    for place in rng.integers(0, len(data), 150):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        out.write_bytes(changed)
        try:
            checked = check_response(out)
        except CardembedError:
            continue
        # What is no part of any content (times and attributes of entries) may differ.
        assert checked.sha256 == reference.sha256
        np.testing.assert_array_equal(checked.tensor, reference.tensor)


def test_neither_folder_nor_archive(exchange):
    with pytest.raises(EvidenceError, match="found nothing"):
        check_response(exchange.folder / "none")
    shutil.rmtree(exchange.response)
    exchange.response.mkdir()
    refuses(exchange, r"no response.json")
