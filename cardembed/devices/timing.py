"""Whether times can have been measured: enough samples, and clocks that agree with each other."""

from __future__ import annotations

from datetime import datetime, timedelta

from cardembed.devices.wire import DeviceResponse, LatencyPlan

__all__ = ["clock_faults", "latency_faults"]

_SHORTEST_NS = 10_000
"""No network of millions of multiplications answers in ten microseconds."""
_DISTINCT = 0.01
"""Least share of samples that differ: a clock of 24 MHz (an iPhone's) shows 41 ns steps, and a run jitters by
microseconds. Copied samples do not."""
_DRIFT = 0.05
"""Share by which the wall clock and the monotonic clock may differ over a run."""
_DRIFT_SECONDS = 2.0
"""And at least so much: wall clocks are set while a run goes on, and written in whole seconds by some."""


def latency_faults(response: DeviceResponse, plan: LatencyPlan) -> list[str]:
    """What is wrong with the samples, worst first; empty where nothing is."""
    samples = response.latency_ns
    found = []
    seconds = sum(samples) / 1e9
    if len(samples) < plan.samples:
        found.append(f"{len(samples)} latency samples of {plan.samples}")
    if len(samples) > plan.max_samples:
        found.append(f"{len(samples)} latency samples, where {plan.max_samples} are the most")
    elif seconds < plan.seconds and len(samples) < plan.max_samples:
        found.append(f"latency samples over {seconds:.3f} of {plan.seconds:g} s")
    if samples and min(samples) < _SHORTEST_NS:
        found.append(f"a latency of {min(samples)} ns, which is less than {_SHORTEST_NS}")
    least = max(2, int(len(samples) * _DISTINCT)) if len(samples) > 1 else 1
    if samples and len(set(samples)) < least:
        found.append(f"{len(set(samples))} different values among {len(samples)} latency samples")
    return found


def clock_faults(response: DeviceResponse, created: datetime, now: datetime, skew: timedelta) -> list[str]:
    """What the clocks say against each other; empty where nothing is.

    Args:
        response: The device's.
        created: When the request was made, by the host's clock.
        now: The host's time.
        skew: By how much the two machines' wall clocks may differ.
    """
    found = []
    clock = response.clock
    span, wall = (
        (clock.finished_ns - clock.started_ns) / 1e9,
        (response.finished - response.started).total_seconds(),
    )
    inside = (sum(response.latency_ns) + response.load_ns) / 1e9
    if wall < 0 or span < 0:
        found.append("an end before its start")
    elif inside > span:
        found.append(f"{inside:.3f} s of loading and samples within a run of {span:.3f} s")
    elif abs(span - wall) > max(_DRIFT_SECONDS, _DRIFT * span):
        found.append(f"{span:.3f} s by the monotonic clock and {wall:.3f} s by the wall clock")
    if response.started < created - skew:
        found.append(f"a run that started at {response.started.isoformat()}, before it was asked for")
    if response.finished > now + skew:
        found.append(f"a run that ended in the future, at {response.finished.isoformat()}")
    if response.load_ns == 0:
        found.append("an artefact that was loaded in no time")
    return found
