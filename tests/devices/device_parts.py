"""A small exchange with the stand-in, and ways to spoil it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardembed._io import sha256_bytes
from cardembed.devices.records import RequestRecord, write_record
from cardembed.devices.request import make_request
from cardembed.devices.standin import run_request
from cardembed.devices.wire import LatencyPlan
from cardembed.release import Release

REPOSITORY = Path(__file__).parents[2]
PLAN = LatencyPlan(warm_up=2, samples=20, seconds=0.01, max_samples=2000)


def device_features() -> dict[str, Path]:
    """What phones are asked for: feature files by their path below the features folder.

    A file of the folder that names no phone is a chip's.
    """
    found = {}
    for root in (Path(__file__).parent / "features", REPOSITORY / "features"):
        for folder in ("performance", "device"):
            for file in sorted((root / folder).glob("*.feature")):
                if {"android", "ios"} & set(file.read_text("utf-8").replace("|", " ").split()):
                    found[f"{folder}/{file.name}"] = file
    return found


def ask(release, photo_set, out, *, target="android", count=6, latency=PLAN, **more) -> RequestRecord:
    return make_request(
        Release.load(release), target, photo_set, out, count=count, latency=latency, threads=1, **more
    )


def answer(request, out, **more):
    return run_request(request, out, threads=1, **more)


@dataclass
class Exchange:
    """A request that this machine remembers, and the response to it, both folders."""

    record: RequestRecord
    folder: Path

    @classmethod
    def of(cls, record, source, folder):
        shutil.copytree(source / "request", folder / "request")
        shutil.copytree(source / "response", folder / "response")
        write_record(record)  # not used yet, whatever another test did
        return cls(record, folder)

    @property
    def request(self) -> Path:
        return self.folder / "request"

    @property
    def response(self) -> Path:
        return self.folder / "response"

    @property
    def content(self) -> dict:
        return json.loads((self.response / "response.json").read_bytes())

    def change(self, **fields):
        """Set fields of response.json; "app.kind" is one inside of another."""
        content = self.content
        for name, value in fields.items():
            *path, last = name.split("__")
            inner = content
            for part in path:
                inner = inner[part]
            inner[last] = value
        (self.response / "response.json").write_text(json.dumps(content))
        return self

    def as_device(self, **fields):
        """As the target's own app would have written it."""
        target = self.record.request.target
        claims = {"app__kind": target, "fidelity": "device", "resize": "the device's own"}
        return self.change(**claims | fields)

    def rows(self, form="tensor"):
        data = (self.response / f"{form}-embeddings.f32").read_bytes()
        return np.frombuffer(data, "<f4").reshape(-1, 768).copy()

    def put_rows(self, rows, form="tensor"):
        """Other embeddings, with the digest that belongs to them."""
        data = np.asarray(rows, "<f4").tobytes()
        (self.response / f"{form}-embeddings.f32").write_bytes(data)
        name = f"{form}_embeddings"
        file = self.content[name] | {"sha256": sha256_bytes(data), "bytes": len(data)}
        return self.change(**{name: file})
