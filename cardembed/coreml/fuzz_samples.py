"""Small Core ML artefacts of every form that is read: what fuzzing changes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from cardembed._imports import require

__all__ = ["make_samples"]

_SHAPE = (1, 3, 16, 16)


def make_samples(folder: Path) -> list[Path]:
    """Convert small networks to ML Programs and NeuralNetworks under `folder`, a few kilobytes each.

    Plain, flexible and enumerated batches, pictures, attention as one operation, and weights as a table, in
    INT8 with a scale a channel or a block, and sparse.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch: Any = require("torch", extra="train")
        ct: Any = require("coremltools", extra="coreml")  # it publishes no types
        samples = _Samples(folder, ct, torch)
        network = _network(torch)
        shape = ct.Shape(shape=(ct.RangeDim(1, 4, default=2), *_SHAPE[1:]))
        shapes = ct.EnumeratedShapes([_SHAPE, (2, *_SHAPE[1:])])
        picture = ct.ImageType(name="image", shape=_SHAPE, scale=1 / 255, color_layout=ct.colorlayout.RGB)
        old = {"convert_to": "neuralnetwork", "target": "iOS14"}
        plain = samples.convert("half.mlpackage", network)
        newer = samples.convert("newer.mlpackage", network, target="iOS18")
        samples.convert("flexible.mlpackage", network, ct.TensorType(name="image", shape=shape))
        samples.convert("old.mlmodel", network, **old)
        samples.convert("enumerated.mlpackage", network, ct.TensorType(name="image", shape=shapes))
        samples.convert("picture.mlpackage", network, picture)
        samples.convert("old_picture.mlmodel", network, picture, **old)
        samples.convert("attention.mlpackage", _attention(torch), target="iOS18")
        samples.compress("table.mlpackage", plain, "palette")
        samples.compress("affine.mlpackage", plain, "int8")
        samples.compress("sparse.mlpackage", plain, "sparse")
        samples.compress("blockwise.mlpackage", newer, "int4 by block")
        return samples.made


def _network(torch: Any) -> Any:  # noqa: ANN401 - PyTorch, which may be missing
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.BatchNorm2d(8), torch.nn.GELU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(2), torch.nn.LayerNorm(16), torch.nn.Softmax(-1), torch.nn.Flatten(),
        torch.nn.Linear(128, 24),
    ).eval()  # fmt: skip


def _attention(torch: Any) -> Any:  # noqa: ANN401 - as above
    class Attention(torch.nn.Module):  # type: ignore[misc]  # PyTorch is Any here
        """(1, 3, 16, 16) as four heads of three vectors, to (1, 768)."""

        def forward(self, x: Any) -> Any:  # noqa: ANN401 - a tensor
            heads = x.flatten(2).reshape(1, 4, 3, -1)
            return torch.nn.functional.scaled_dot_product_attention(heads, heads * 2, heads).flatten(1)

    return Attention().eval()


class _Samples:
    """Converts, compresses, and remembers what it made."""

    def __init__(self, folder: Path, ct: Any, torch: Any) -> None:  # noqa: ANN401 - modules
        self.made: list[Path] = []
        self._folder, self._ct, self._torch = folder, ct, torch

    def convert(
        self,
        name: str,
        network: Any,  # noqa: ANN401 - a module
        entry: Any = None,  # noqa: ANN401 - coremltools' own
        *,
        target: str = "iOS16",
        **options: Any,  # noqa: ANN401 - of coremltools.convert
    ) -> Any:  # noqa: ANN401 - coremltools' model
        """An artefact of a network that takes `entry`."""
        traced = self._torch.jit.trace(network, self._torch.zeros(_SHAPE), check_trace=False)
        made = self._ct.convert(
            traced,
            inputs=[entry or self._ct.TensorType(name="image", shape=_SHAPE)],
            minimum_deployment_target=getattr(self._ct.target, target),
            skip_model_load=True,
            **options,
        )
        return self._save(name, made)

    def compress(self, name: str, model: Any, how: str) -> None:  # noqa: ANN401 - coremltools' model
        """The same with compressed weights."""
        tools: Any = require("coremltools.optimize.coreml", extra="coreml")
        config, run = {
            "palette": (
                tools.OpPalettizerConfig(nbits=2, mode="uniform", weight_threshold=0),
                tools.palettize_weights,
            ),
            "int8": (tools.OpLinearQuantizerConfig(weight_threshold=0), tools.linear_quantize_weights),
            "sparse": (
                tools.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=0),
                tools.prune_weights,
            ),
            "int4 by block": (
                tools.OpLinearQuantizerConfig(
                    dtype="int4", granularity="per_block", block_size=8, weight_threshold=0
                ),
                tools.linear_quantize_weights,
            ),
        }[how]
        self._save(name, run(model, tools.OptimizationConfig(config)))

    def _save(self, name: str, model: Any) -> Any:  # noqa: ANN401 - coremltools' model
        model.save(str(self._folder / name))
        self.made.append(self._folder / name)
        return model
