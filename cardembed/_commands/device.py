"""`cardembed device`: ask a phone or a Mac, and take its answer as evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardembed._commands._embedding import (
    release_of,
    release_option,
    rendering_bar,
    threads_option,
    units_option,
)
from cardembed._commands._output import emit, json_option

if TYPE_CHECKING:
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.devices.check import CheckedResponse
    from cardembed.devices.wire import DeviceResponse
    from cardembed.embedders.apple import ComputeUnits
    from cardembed.release import Release

__all__ = ["command"]


@click.group("device")
def command() -> None:
    """Ask a phone or a Mac, and take its answer as evidence.

    \b
    Example:
      cardembed device request --target android --out request.zip
      cardembed device check response.zip
      cardembed device import response.zip --out reports/pixel
    """


@command.command("request")
@release_option
@click.option(
    "--target", type=click.Choice(["ios", "android"]), required=True, help="What the device is deployed with."
)
@click.option(
    "--photos", "photos_dir", type=click.Path(path_type=Path), help="Verdict photos; the release's without."
)
@click.option(
    "--artefact", type=click.Path(path_type=Path), help="What the device executes; the release's without."
)
@click.option("--without-artefact", is_flag=True, help="Leave its bytes out: the app brings it.")
@click.option("--count", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Photos.")
@click.option("--warm-up", type=click.IntRange(min=0), default=32, show_default=True)
@click.option("--samples", type=click.IntRange(min=1), default=1024, show_default=True)
@click.option("--seconds", type=click.FloatRange(min=0), default=60.0, show_default=True)
@click.option(
    "--max-samples",
    type=click.IntRange(1, 1_000_000),
    default=100_000,
    show_default=True,
    help="Where the device ends whatever the time.",
)
@click.option("--nonce", help="What the gate asked for; the evidence will carry it.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder, or a .zip file.")
@threads_option
@json_option
def request(
    *,
    release_dir: Path | None,
    target: str,
    photos_dir: Path | None,
    artefact: Path | None,
    without_artefact: bool,
    count: int,
    warm_up: int,
    samples: int,
    seconds: float,
    max_samples: int,
    nonce: str | None,
    out: Path,
    threads: int | None,
    as_json: bool,
) -> None:
    """Write what a device has to do: photos, artefact, nonce and how latency is measured.

    This machine keeps a record of it, so import the response here.

    \b
    Example:
      cardembed device request --target ios --out request.zip
    """
    from cardembed.devices.request import make_request
    from cardembed.devices.wire import LatencyPlan

    release = release_of(release_dir)
    record = make_request(
        release,
        target,
        _photo_set(release, photos_dir),
        out,
        count=count,
        latency=LatencyPlan(
            warm_up=warm_up, samples=samples, seconds=seconds, max_samples=max(samples, max_samples)
        ),
        artefact=artefact,
        carry_artefact=not without_artefact,
        gate_nonce=nonce,
        threads=threads,
    )
    asked = record.request
    data = {
        "path": str(out),
        "request_id": asked.request_id,
        "target": target,
        "photos": len(asked.photos),
        "artefact": asked.artefact.model_dump(mode="json", include={"format", "sha256", "named_by"}),
        "compared_on_host": record.host is not None,
    }
    text = (
        f"{out}: request {asked.request_id} for {target}, {len(asked.photos)} photos, "
        f"{asked.artefact.format} {asked.artefact.sha256[:16]}…"
    )
    if asked.artefact.format == "safetensors":
        text += "\n  the release has nothing that a phone executes: `device run` alone can; see --artefact"
    emit(data, text, as_json=as_json)


def _photo_set(release: Release, photos_dir: Path | None) -> PhotoSet:
    from cardembed.cards.photo_cache import default_photo_set
    from cardembed.cards.photo_set import PhotoSet
    from cardembed.release_cards import catalogue_of

    if photos_dir is not None:
        return PhotoSet.load(photos_dir)
    catalogue = catalogue_of(release, None, searched=True)
    return default_photo_set(release.digest, catalogue, progress=rendering_bar("photos"))


@command.command("run")
@click.argument("request_path", metavar="REQUEST", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder, or a .zip file.")
@click.option(
    "--artefact", type=click.Path(path_type=Path), help="What to execute, where the request has it not."
)
@units_option
@threads_option
@json_option
def run(
    request_path: Path,
    *,
    out: Path,
    artefact: Path | None,
    compute_units: ComputeUnits | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Execute a REQUEST here or on a Mac, in place of a device app; never as fidelity `device`.

    \b
    Example:
      cardembed device run request.zip --out response.zip
    """
    from cardembed.devices.standin import run_request

    response = run_request(
        request_path,
        out,
        artefact=artefact,
        threads=threads,
        compute_units=compute_units,
        progress=rendering_bar("latency"),
    )
    data = {"path": str(out), **_summary(response)}
    emit(data, f"{out}: {_line(response)}", as_json=as_json)


@command.command("check")
@click.argument("response_path", metavar="RESPONSE", type=click.Path(path_type=Path))
@json_option
def check(response_path: Path, as_json: bool) -> None:
    """Compare a RESPONSE with the request that this machine made; nothing is written.

    \b
    Example:
      cardembed device check response.zip
    """
    from cardembed.devices.check import check_response

    checked = check_response(response_path)
    emit(_checked(checked), "\n".join(_lines(response_path, checked)), as_json=as_json)


@command.command("import")
@click.argument("response_path", metavar="RESPONSE", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's directory.")
@click.option(
    "--features",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("features"),
    show_default=True,
    help="What is judged by; the gate needs the same.",
)
@click.option("--runner", help="The phone's name in the evidence; this machine's without.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The phone's signing key, made where there is none; this machine's without.",
)
@json_option
def import_(
    response_path: Path,
    *,
    out: Path,
    features: Path,
    runner: str | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Sign a RESPONSE as an evidence bundle. A request counts once: the same response is refused afterwards.

    A policy names a runner by its key, and what a runner did not run blocks where it is named for it: give
    each phone a key of its own.

    \b
    Example:
      cardembed device import response.zip --runner pixel --key keys/pixel --out reports/pixel
    """
    from cardembed.devices.importing import import_response
    from cardembed.devices.keys import phone_key

    key = None if key_file is None else phone_key(key_file)
    made = import_response(response_path, out, features, key=key, runner=runner)
    cells = {cell.id: {"state": str(cell.state), "reason": cell.reason} for cell in made.measured}
    lines = [*_lines(response_path, made.checked), f"{out}: run {made.predicate.run_id}"]
    lines += [f"  {name}: {cell['state']}: {cell['reason']}" for name, cell in cells.items()]
    if not cells:
        lines.append("  no cell of the features is about it")
    lines.append(f"  signed by {made.signer.text}")
    data = {**_checked(made.checked), "bundle": str(out), "cells": cells, "public_key": made.signer.text}
    emit(data, "\n".join(lines), as_json=as_json)


@command.command("schema")
@click.argument("name", type=click.Choice(["request", "response"]), required=False)
@json_option
def schema(name: str | None, as_json: bool) -> None:
    """Print the JSON Schema of request.json and response.json, or of one of them.

    \b
    Example:
      cardembed device schema response > response.schema.json
    """
    from cardembed.devices.wire import json_schemas

    found = json_schemas()
    value = found if name is None else found[name]
    emit(value, json.dumps(value, indent=2), as_json=as_json)


def _summary(response: DeviceResponse) -> dict[str, Any]:
    samples = sorted(response.latency_ns)
    return {
        "request_id": response.request_id,
        "fidelity": str(response.fidelity),
        "app": response.app.kind,
        "device": response.device.model,
        "runtime": response.runtime.model_dump(mode="json"),
        "load_ms": response.load_ns / 1e6,
        "latency_samples": len(samples),
        "median_ms": samples[len(samples) // 2] / 1e6 if samples else None,
    }


def _line(response: DeviceResponse) -> str:
    said = _summary(response)
    middle = "no latency" if said["median_ms"] is None else f"median {said['median_ms']:.2f} ms"
    return (
        f"fidelity {said['fidelity']}, {said['app']} on {said['device']}, {response.runtime.name} "
        f"{response.runtime.version} ({', '.join(response.runtime.used) or 'not said'}), "
        f"{len(response.photos)} photos, {said['latency_samples']} samples, {middle}"
    )


def _checked(checked: CheckedResponse) -> dict[str, Any]:
    from cardembed.retrieval.metrics import pair_similarity

    used = checked.record.used
    least = float(pair_similarity(checked.tensor, checked.jpeg).min())
    more = {
        "jpeg_similarity_least": least,
        "used": None if used is None else used.bundle,
        "warnings": list(checked.warnings),
    }
    return _summary(checked.response) | more


def _lines(path: Path, checked: CheckedResponse) -> list[str]:
    said = _checked(checked)
    lines = [f"{path}: {_line(checked.response)}"]
    lines.append(f"  tensor against JPEG: cosine at least {said['jpeg_similarity_least']:.6f}")
    if said["used"] is not None:
        lines.append(f"  imported before, as {said['used']}: it would be refused")
    return lines + [f"  warning: {text}" for text in checked.warnings]
