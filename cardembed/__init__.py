"""cardembed: acceptance criteria of a card-image embedding model, executed on every target and decided.

The public names, the PRD's among them. Each is imported from its room when first used, so that
`import cardembed` is quick and works where PyTorch is not installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from cardembed._version import __version__

if TYPE_CHECKING:
    from cardembed.cards.catalogue import load_catalogue as load_catalogue
    from cardembed.embedders.coreml import CoreMLProgram as CoreMLProgram
    from cardembed.embedders.hailo import HailoEmbedder as HailoEmbedder
    from cardembed.embedders.registry import open_embedder as open_embedder
    from cardembed.errors import CardembedError as CardembedError
    from cardembed.export.onnx import export_to_onnx as export_to_onnx
    from cardembed.models.heads import ArcFaceHead as ArcFaceHead
    from cardembed.models.student import StudentModel as StudentModel
    from cardembed.models.teacher import DINOv3TeacherModel as DINOv3TeacherModel
    from cardembed.release import Release as Release
    from cardembed.retrieval.database import ReferenceDatabase as ReferenceDatabase
    from cardembed.retrieval.database import load_reference_database as load_reference_database
    from cardembed.training.augmentation import GridMaskAugmentation as GridMaskAugmentation
    from cardembed.training.augmentation import SyntheticGlareAugmentation as SyntheticGlareAugmentation
    from cardembed.training.augmentation import cutmix_batch as cutmix_batch

_HOMES = {
    "ArcFaceHead": "cardembed.models.heads",
    "CardembedError": "cardembed.errors",
    "CoreMLProgram": "cardembed.embedders.coreml",
    "DINOv3TeacherModel": "cardembed.models.teacher",
    "GridMaskAugmentation": "cardembed.training.augmentation",
    "HailoEmbedder": "cardembed.embedders.hailo",
    "ReferenceDatabase": "cardembed.retrieval.database",
    "Release": "cardembed.release",
    "StudentModel": "cardembed.models.student",
    "SyntheticGlareAugmentation": "cardembed.training.augmentation",
    "cutmix_batch": "cardembed.training.augmentation",
    "export_to_onnx": "cardembed.export.onnx",
    "load_catalogue": "cardembed.cards.catalogue",
    "load_reference_database": "cardembed.retrieval.database",
    "open_embedder": "cardembed.embedders.registry",
}

__all__ = [
    "ArcFaceHead",
    "CardembedError",
    "CoreMLProgram",
    "DINOv3TeacherModel",
    "GridMaskAugmentation",
    "HailoEmbedder",
    "ReferenceDatabase",
    "Release",
    "StudentModel",
    "SyntheticGlareAugmentation",
    "__version__",
    "cutmix_batch",
    "export_to_onnx",
    "load_catalogue",
    "load_reference_database",
    "open_embedder",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
