"""The profile table: which architecture, input size and artefact format each target has.

`prd` holds the PRD's architectures and sizes, `reference` the same families, small enough to train from
scratch on a laptop's processor. All other code is the same for both. This module imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cardembed._lookup import look_up

__all__ = [
    "ARCHITECTURES",
    "EMBEDDING_DIM",
    "PROFILES",
    "REFERENCE_CATALOGUE",
    "STUDENT_TARGETS",
    "TARGETS",
    "Architecture",
    "TargetProfile",
    "architecture",
    "profile",
    "target_profile",
]


EMBEDDING_DIM = 768
"""Length of every embedding."""

TARGETS = ("teacher", "server", "android", "ios", "hailo8l")
"""Every target, the teacher first."""
STUDENT_TARGETS = ("android", "ios", "hailo8l")
"""Targets with weights of their own besides the teacher."""

REFERENCE_CATALOGUE = "synthetic:2026:256"
"""The catalogue that the reference release is trained and judged on, as `load_catalogue` reads it."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A backbone with its projection head, as `StudentModel` and `DINOv3TeacherModel` build it."""

    name: str
    """The name users write, such as "convnext_tiny"."""
    timm_name: str
    """The timm model that is the backbone."""
    input_size: int
    """Side of the square input in pixels."""
    features: int
    """Length of the backbone's pooled features."""
    parameters: int
    """Nominal number of parameters with the projection head, accurate to 3 %."""
    timm_kwargs: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Further arguments of `timm.create_model`."""
    transformer: bool = False
    """Whether the backbone is a vision transformer."""


def _architectures(*rows: Architecture) -> Mapping[str, Architecture]:
    return MappingProxyType({row.name: row for row in rows})


def _kwargs(**items: object) -> Mapping[str, object]:
    return MappingProxyType(items)


_VIT_LARGE = "vit_large_patch16_dinov3"
_VIT_TINY = "vit_tiny_patch16_dinov3_qkvb"

# Pooling: the class token suits pretrained DINOv3 (its maintainers' advice for retrieval); averaging learns
# faster from scratch. LayerScale: timm starts it at 1e-5 or 1e-6, meant for hundreds of epochs; the small
# models see a handful, so their blocks start at .1 and count from the first step.
ARCHITECTURES = _architectures(
    Architecture(
        "dinov3_vit_large", _VIT_LARGE, 518, 1024, 304_000_000,
        _kwargs(patch_size=14, img_size=518, global_pool="token"), transformer=True,
    ),
    Architecture(
        "dinov3_vit_large_16", _VIT_LARGE, 512, 1024, 304_000_000,
        _kwargs(img_size=512, global_pool="token"), transformer=True,
    ),
    Architecture("convnext_tiny", "convnext_tiny", 224, 768, 29_000_000),
    Architecture("convnext_base", "convnext_base", 384, 1024, 89_000_000),
    Architecture(
        "vit_small", "vit_small_patch16_dinov3", 224, 384, 22_000_000,
        _kwargs(img_size=224, global_pool="token"), transformer=True,
    ),
    Architecture(
        "dinov3_vit_tiny", _VIT_TINY, 128, 192, 6_230_000,
        _kwargs(img_size=128, global_pool="avg", init_values=0.1), transformer=True,
    ),
    Architecture("convnext_atto", "convnext_atto", 128, 320, 4_210_000, _kwargs(ls_init_value=0.1)),
    Architecture("convnext_femto", "convnext_femto", 128, 384, 5_720_000, _kwargs(ls_init_value=0.1)),
    Architecture(
        "vit_tiny_6", _VIT_TINY, 128, 192, 3_560_000,
        _kwargs(img_size=128, depth=6, global_pool="avg", init_values=0.1), transformer=True,
    ),
    # BatchNorms in place of LayerNorms: what a Hailo-8L runs fast.
    Architecture("regnetx_016", "regnetx_016", 224, 912, 9_570_000),
    Architecture("regnetx_002", "regnetx_002", 128, 368, 3_190_000),
)  # fmt: skip
"""Every architecture by name."""


@dataclass(frozen=True, slots=True)
class TargetProfile:
    """What a target is in a profile."""

    target: str
    """One of `TARGETS`."""
    architecture: Architecture
    """Its model."""
    artefact_format: str
    """File format of what is deployed: "safetensors", "onnx", "mlpackage" or "hef"."""
    shares_weights_with: str | None = None
    """The target whose weights these are, for the server: the teacher in another runtime."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Subtracted from each RGB channel in 0..1."""
    std: tuple[float, float, float] = IMAGENET_STD
    """Each RGB channel is divided by it."""
    interpolation: str = "bicubic"
    """How an image is resized to the input's square: Pillow's bicubic, antialiased."""
    fallbacks: tuple[Architecture, ...] = ()
    """What may stand in for `architecture`, of the same input size."""

    def choose(self, name: str | None) -> Architecture:
        """The architecture called `name`, the target's own or a fallback; its own without.

        Raises:
            UnknownTargetError: It is neither; lists them.
        """
        own = {one.name: one for one in (self.architecture, *self.fallbacks)}
        return look_up(own, self.architecture.name if name is None else name, f"{self.target} architecture")

    @property
    def input_size(self) -> int:
        """Side of the square input in pixels."""
        return self.architecture.input_size

    @property
    def parameters(self) -> int:
        """Nominal number of parameters with the projection head."""
        return self.architecture.parameters


def _profile(
    teacher: str, android: str, ios: str, hailo8l: str, *, fallback: str
) -> Mapping[str, TargetProfile]:
    rows = (
        TargetProfile("teacher", ARCHITECTURES[teacher], "safetensors"),
        TargetProfile("server", ARCHITECTURES[teacher], "onnx", shares_weights_with="teacher"),
        TargetProfile("android", ARCHITECTURES[android], "onnx"),
        TargetProfile("ios", ARCHITECTURES[ios], "mlpackage"),
        TargetProfile("hailo8l", ARCHITECTURES[hailo8l], "hef", fallbacks=(ARCHITECTURES[fallback],)),
    )
    return MappingProxyType({row.target: row for row in rows})


PROFILES: Mapping[str, Mapping[str, TargetProfile]] = MappingProxyType(
    {
        "prd": _profile(
            "dinov3_vit_large", "vit_small", "convnext_base", "convnext_tiny", fallback="regnetx_016"
        ),
        "reference": _profile(
            "dinov3_vit_tiny", "vit_tiny_6", "convnext_femto", "convnext_atto", fallback="regnetx_002"
        ),
    }
)
"""Targets by profile: `PROFILES["prd"]["hailo8l"]`."""


def architecture(name: str) -> Architecture:
    """The architecture called `name`; UnknownTargetError lists what exists."""
    return look_up(ARCHITECTURES, name, "architecture")


def profile(name: str) -> Mapping[str, TargetProfile]:
    """The targets of the profile called `name`; UnknownTargetError lists what exists."""
    return look_up(PROFILES, name, "profile")


def target_profile(profile_name: str, target: str) -> TargetProfile:
    """What `target` is in a profile; UnknownTargetError lists what exists."""
    return look_up(profile(profile_name), target, "target")
