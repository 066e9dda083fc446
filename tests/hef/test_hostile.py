"""What was made to hurt: reading ends within 2 seconds and takes no more than 4 times the file and 16 MiB."""

import os
import time
import tracemalloc
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest
from hef_building import context, core_op, data, doubles, edge, float64, group, layer, name, plain, root, uint
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks._hef_files import seal
from benchmarks.fuzz_hef import MAX_SECONDS, allowed_bytes, fuzz, main
from cardembed.cli import main as command_line
from cardembed.errors import ArtefactError
from cardembed.hef import judge_hef, read_hef, requirement
from cardembed.hef.reader import MAX_STREAMS
from cardembed.hef.wire import MAX_ALL_NAMES_BYTES, MAX_FIELDS, MAX_KEPT, MAX_NUMBERS

MEGABYTE = 10**6
SHAPE = (1, 1, 1)


def many(message, bytes_wanted):
    return message * (bytes_wanted // len(message))


def op(*parts):
    return root(data(8, data(4, b"".join(parts))))


def in_context(*edges):
    return op(data(3, context(*edges)))


def stream(**other):
    return edge(layer("n", SHAPE, **other))


def below_the_limits():
    def network(number):
        numeric = doubles(6, *[1.0] * 64)
        edges = [edge(layer(f"{number}/{place}", SHAPE, numeric=numeric)) for place in range(9)]
        return group(core_op(context(*edges)))

    return root(*[network(number) for number in range(90)])


BOMBS = {
    "empty fields": lambda: root(many(b"\x78\x00", 4 * MEGABYTE)),
    "empty networks": lambda: root() + many(data(2, b""), 4 * MEGABYTE),
    "empty extensions": lambda: plain() + many(data(5, b""), 4 * MEGABYTE),
    "names of extensions": lambda: plain() + many(data(5, name(2, "é" * 510 + "𝄞")), 60 * MEGABYTE),
    "empty ops": lambda: root(many(data(8, data(4, b"")), 2 * MEGABYTE)),
    "empty placements": lambda: op(many(data(7, data(1, b"")), 2 * MEGABYTE)),
    "empty contexts": lambda: op(many(data(3, b""), 2 * MEGABYTE)),
    "empty edges": lambda: op(data(3, data(3, many(data(2, b""), 2 * MEGABYTE)))),
    "streams": lambda: op(data(3, data(3, many(data(2, stream()), 2 * MEGABYTE)))),
    "original names": lambda: in_context(stream(extra=many(data(5, b""), MEGABYTE))),
    "doubles": lambda: in_context(stream(numeric=doubles(6, *[1.0] * 500_000))),
    "doubles one by one": lambda: in_context(stream(numeric=many(float64(6, 0.0), 2 * MEGABYTE))),
    "1,100 networks": lambda: root(*[group(core_op())] * 1100),
    "1,100 streams": lambda: in_context(*[stream()] * 1100),
    "24,900 longest names": lambda: plain() + data(5, name(2, LONGEST)) * 24_900,
    "longest original names": lambda: in_context(stream(extra=name(5, LONGEST) * 24_900)),
    "long numbers": lambda: root() + many(uint(9, 2**64 - 1), 8 * MEGABYTE),
}
LONGEST = "é" * 510 + "𝄞"  # as many bytes as a name may have, and four a character in memory
LIMITS = {
    "24,900 longest names": f"{MAX_ALL_NAMES_BYTES} bytes of names",
    "longest original names": f"{MAX_ALL_NAMES_BYTES} bytes of names",
    "empty fields": f"{MAX_FIELDS} fields",
    "long numbers": f"{MAX_FIELDS} fields",
    "doubles": f"{MAX_NUMBERS} numbers in lists",
    "1,100 networks": f"{MAX_STREAMS} streams and core ops",
    "1,100 streams": f"{MAX_STREAMS} streams and core ops",
}
READ = {
    "numbers and streams below their limits": below_the_limits,
    "unknown bytes": lambda: plain() + data(9, bytes(16 * MEGABYTE)),
    "24,900 extensions": lambda: plain() + b"".join(data(5, name(2, f"{n}")) for n in range(24_900)),
    "250 longest names": lambda: plain() + data(5, name(2, LONGEST)) * 250,
    "names that one character makes longer": lambda: (
        plain() + data(5, name(2, "a" * 1000)) * 250 + data(5, name(2, "𝄞"))
    ),
    "49,900 contexts": lambda: op(data(3, b"") * 49_900),
    "49,900 edges": lambda: op(data(3, data(3, data(2, b"") * 49_900))),
    "24,000 placements": lambda: op(data(7, b"") * 24_000 + data(7, data(1, b"")) * 1000),
    "49,900 names": lambda: in_context(stream(extra=b"".join(name(5, f"{n}") for n in range(49_900)))),
    "500 networks": lambda: root(*[group(core_op())] * 500),
}


def read(file):
    """The reason why it is refused; None where it is read."""
    try:
        judge_hef(read_hef(file), requirement("hailo8l"))
    except ArtefactError as error:
        return str(error)
    return None


@pytest.mark.parametrize("bomb", BOMBS | READ)
def test_a_bomb_costs_no_more_than_is_allowed(tmp_path, bomb):
    file = tmp_path / "bomb.hef"
    whole = seal(0, (BOMBS | READ)[bomb]())
    file.write_bytes(whole)
    start = time.process_time()
    reason = read(file)
    assert time.process_time() - start < MAX_SECONDS
    tracemalloc.start()
    try:
        assert read(file) == reason
        assert tracemalloc.get_traced_memory()[1] <= allowed_bytes(len(whole))
    finally:
        tracemalloc.stop()
    if bomb in READ:
        assert reason is None
    else:
        limit = LIMITS.get(bomb, f"{MAX_KEPT} fields that matter")
        assert f"found more than {limit};" in reason


def inspect(file, *options):
    """The exit code of `cardembed inspect`, whose output is thrown away."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        pytest.raises(SystemExit) as ended,
    ):
        command_line(["inspect", str(file), *options])
    return ended.value.code


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("bomb", [*READ, "24,900 longest names", "longest original names"])
def test_the_command_allocates_no_more_than_is_allowed(tmp_path, bomb, options):
    file = tmp_path / "bomb.hef"
    whole = seal(0, (BOMBS | READ)[bomb]())
    file.write_bytes(whole)
    start = time.process_time()
    code = inspect(file, *options)
    assert time.process_time() - start < MAX_SECONDS
    tracemalloc.start()
    try:
        assert inspect(file, *options) == code
        assert tracemalloc.get_traced_memory()[1] <= allowed_bytes(len(whole))
    finally:
        tracemalloc.stop()
    assert code in ({0, 1} if bomb in READ else {2})


@given(st.binary(max_size=300), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_any_message_is_read_or_refused(tmp_path_factory, message, version):
    file = tmp_path_factory.getbasetemp() / "any.hef"
    file.write_bytes(seal(version, message))
    with suppress(ArtefactError):
        read_hef(file)


@given(st.binary(max_size=100))
@settings(max_examples=200, deadline=None)
def test_any_bytes_after_the_magic_are_read_or_refused(tmp_path_factory, rest):
    file = tmp_path_factory.getbasetemp() / "any.hef"
    file.write_bytes(b"\x01HEF" + rest)
    with pytest.raises(ArtefactError):
        read_hef(file)


def test_damaged_samples_are_read_or_refused():
    found = fuzz(150, seed=5)
    assert found.failures == []
    assert sum(found.outcomes.values()) == 150
    assert {outcome.partition(":")[0] for _, outcome in found.outcomes} == {"read", "refused"}


def test_the_fuzz_command_prints_its_table(capsys):
    assert main(["--count", "40", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert "40 files, seed 3" in out
    assert "0 failures" in out
