"""What the steps call: raw numbers of every criterion, from embeddings of a photo set and a gallery."""

from __future__ import annotations

from cardembed.conformance.measure.judge import judge, measure_target
from cardembed.conformance.measure.target import TargetMeasurements, Teacher, embed_target

__all__ = ["TargetMeasurements", "Teacher", "embed_target", "judge", "measure_target"]
