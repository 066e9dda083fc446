"""Mutated Core ML artefacts: each must end in a prediction or an ArtefactError, soon."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cardembed.coreml.limits import Limits
from cardembed.coreml.model import CoreMLModel
from cardembed.coreml.protos import parse_model
from cardembed.errors import ArtefactError

__all__ = ["FUZZ_LIMITS", "mutate", "mutate_message", "outcome", "run"]

SECONDS = 2.0
"""Longest time of the processor that an artefact may take, read and executed; waiting is not its fault."""

FUZZ_LIMITS = Limits(
    constant_elements=1 << 22,
    tensor_elements=1 << 22,
    live_elements=1 << 23,
    multiplications=1 << 30,
    numbers=1 << 28,
)
"""In proportion to the samples, which are a few kilobytes."""

USUAL = 10
"""One mutant of so many is read within everyday limits, and not executed: that may take long."""

_EXTREMES = (
    b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", b"\x00",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"\xff\xff\x03", b"\x80\x80\x80\x01",
)  # fmt: skip

_WORDS = ("const", "tile", "fill", "conv", "pad", "image")


def mutate(data: bytes, dice: random.Random, other: bytes) -> bytes:
    """`data` with one to four changes; `other` is where spliced pieces come from."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(changed) + 1)
        length = dice.choice((1, 2, 4, 8, 64, 512))
        kind = dice.randrange(7)
        if kind == 0 and changed:
            changed[place % len(changed)] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del changed[place:]
        elif kind == 2:
            del changed[place : place + length]
        elif kind == 3:
            changed[place:place] = changed[place : place + length]
        elif kind == 4:
            start = dice.randrange(len(other) + 1)
            changed[place : place + length] = other[start : start + length]
        elif kind == 5:
            piece = dice.choice(_EXTREMES)
            changed[place : place + len(piece)] = piece
        elif changed:
            changed[place % len(changed)] = (changed[place % len(changed)] + dice.choice((-1, 1))) % 256
    return bytes(changed)


def mutate_message(message: Any, dice: random.Random, words: Sequence[str] = _WORDS) -> None:  # noqa: ANN401 - a generated message
    """Change one field somewhere in a protobuf message: what a bit flip hardly ever reaches.

    Args:
        message: It.
        dice: Decides.
        words: Texts that mean something in such a message.
    """
    while True:
        present = [field for field, _ in message.ListFields()]
        if not present:
            return
        field = dice.choice(present)
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key = dice.choice(sorted(value, key=str))
            inner = field.message_type.fields_by_name["value"].message_type
            if inner is None or dice.random() < 0.05:
                del value[key]
                return
            message = value[key]
            continue
        repeated = field.is_repeated
        if dice.random() < 0.05:
            message.ClearField(field.name)
            return
        if field.message_type is not None:
            if repeated and dice.random() < 0.1:
                value.add().CopyFrom(dice.choice(value))
                return
            message = dice.choice(value) if repeated else value
            continue
        old = dice.choice(value) if repeated else value
        new = _other_value(field, old, dice, words)
        if repeated:
            value[dice.randrange(len(value))] = new
        else:
            setattr(message, field.name, new)
        return


def _other_value(field: Any, old: Any, dice: random.Random, words: Sequence[str]) -> Any:  # noqa: ANN401 - of any field
    if isinstance(old, bool):
        return not old
    if field.enum_type is not None:
        return dice.choice(field.enum_type.values).number
    if isinstance(old, int):
        big = (1 << (63 if field.cpp_type in (2, 4) else 31)) - 1  # 64 bits: CPPTYPE_INT64, CPPTYPE_UINT64
        return min(big, dice.choice((0, 1, old + 1, max(0, old - 1), abs(old) * 2, 2**20, 2**31 - 1, big)))
    if isinstance(old, float):
        return dice.choice((0.0, -old, 1e30, float("inf"), float("nan"), 1e-30))
    if isinstance(old, str):
        return dice.choice(("", *words, old + "x", "é" * 500))
    return mutate(bytes(old), dice, bytes(old))


def outcome(path: Path, mode: str = "float32", *, usual: bool = False) -> str:
    """Read and execute an artefact: "prediction", "ArtefactError", or what went wrong.

    `usual`: read it within everyday limits instead, which is "read".
    """
    before = time.process_time()
    try:
        model = CoreMLModel.load(path, mode, limits=None if usual else FUZZ_LIMITS)
        if not usual:
            feeds: dict[str, Any] = {port.name: np.ones(port.shape, np.float32) for port in model.inputs}
            model.predict(feeds)
        ended = "read" if usual else "prediction"
    except ArtefactError as error:
        ended = "ArtefactError" if "\n" not in str(error) else "message of several lines"
    except Exception as error:  # what this program looks for
        ended = f"{type(error).__name__}: {error}"[:150]
    seconds = time.process_time() - before
    return ended if seconds <= SECONDS else f"{ended} after {seconds:.1f} s"


def _files(sample: Path) -> list[Path]:
    return [sample] if sample.is_file() else sorted(path for path in sample.rglob("*") if path.is_file())


def run(samples: Sequence[Path], count: int, seed: int, folder: Path) -> Counter[tuple[str, str]]:
    """Mutate `count` times; how often which file ended how."""
    dice = random.Random(seed)
    ends: Counter[tuple[str, str]] = Counter()
    parts = {sample: [(path, path.read_bytes()) for path in _files(sample)] for sample in samples}
    for number in range(count):
        sample = dice.choice(list(samples))
        path, data = dice.choices(
            parts[sample], [4 if p.suffix == ".mlmodel" else 1 for p, _ in parts[sample]]
        )[0]
        other = dice.choice(parts[dice.choice(list(samples))])[1]
        copy = folder / f"mutant{sample.suffix}"
        shutil.rmtree(copy, ignore_errors=True)
        if sample.is_dir():
            shutil.copytree(sample, copy)
            target = copy / path.relative_to(sample)
        else:
            target = copy
        if target.suffix == ".mlmodel" and dice.random() < 0.7:
            message = parse_model(path, data)
            for _ in range(dice.randint(1, 3)):
                mutate_message(message, dice)
            target.write_bytes(message.SerializeToString())
        else:
            target.write_bytes(mutate(data, dice, other))
        mode = dice.choice(("float32", "float16-pessimistic"))
        ends[(path.name, outcome(copy, mode, usual=number % USUAL == USUAL - 1))] += 1
    return ends
