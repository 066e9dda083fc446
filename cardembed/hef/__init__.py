"""Hailo's compiled artefact, the HEF, read without any of Hailo's packages."""

from __future__ import annotations

from cardembed.hef.judgement import Finding, HefRequirement, judge_hef, requirement
from cardembed.hef.model import CoreOp, Hef, NetworkGroup, Quantisation, Stream
from cardembed.hef.reader import read_hef

__all__ = [
    "CoreOp",
    "Finding",
    "Hef",
    "HefRequirement",
    "NetworkGroup",
    "Quantisation",
    "Stream",
    "judge_hef",
    "read_hef",
    "requirement",
]
