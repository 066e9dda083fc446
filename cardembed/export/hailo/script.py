"""Hailo's model script (`.alls`): what the compiler adds to the parsed network, and how it quantises.

LayerNorm and GELU: the compiler computes a GELU by a lookup, 8 bits to 8 bits, and a LayerNorm from means,
differences and products. What loses accuracy around them are the residual sums, which add small results to a
stream that grows from block to block. Hailo's Model Zoo keeps these sums in 16 bits for deit_small and
vit_small and apart from the convolutions before them (`ew_add_fusing` off); here it is done for every network
with LayerNorms. BatchNorms are folded into convolutions and need none of it (the zoo's script of
regnetx_1.6gf normalises, and hardly more).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cardembed.embedders.preprocessing import Preprocessing
from cardembed.errors import UsageError

__all__ = ["OUTPUT_LAYER", "RESIDUAL_SUMS", "model_script"]

OUTPUT_LAYER = "output_layer1"
"""The embedding, as the parser calls the first output."""
RESIDUAL_SUMS = "ew_add*"
"""The residual sums, as the parser calls them."""
_BATCH = 8
_LAYER = re.compile(r"[A-Za-z0-9_./*]+")


def model_script(
    network: str,
    preprocessing: Preprocessing,
    *,
    layer_norms: bool,
    calibration: int,
    sixteen_bit: Sequence[str] = (),
    optimisation: int = 2,
) -> str:
    """The script's text.

    Args:
        network: The network's name, as the parser is told it; it stands before layers' names.
        preprocessing: Its mean and std, of 0 to 1, are done on the chip on pixels of 0 to 255.
        layer_norms: Whether the network has LayerNorms, see above.
        calibration: Images that ranges are measured on.
        sixteen_bit: Layers besides, by the parser's names; `*` stands for any characters.
        optimisation: The compiler's optimisation level, 0 to 4. From 2 on it fine-tunes, which takes a GPU or
            hours; without a GPU the compiler may fall back to 0 and says so.

    Raises:
        UsageError: A name that no layer can have.
    """
    mean, std = ([round(255 * value, 6) for value in of] for of in (preprocessing.mean, preprocessing.std))
    lines = [
        "# The input is RGB, height x width x 3, 0 to 255: mean and deviation are taken off on the chip.",
        f"normalization1 = normalization({_list(mean)}, {_list(std)})",
        f"model_optimization_config(calibration, batch_size={_BATCH}, calibset_size={calibration})",
        f"model_optimization_flavor(optimization_level={optimisation}, compression_level=0)",
    ]
    wide = list(dict.fromkeys(sixteen_bit))
    if layer_norms:
        lines += [
            "# LayerNorms and GELUs: residual sums stay apart from convolutions, and have 16 bits.",
            "pre_quantization_optimization(ew_add_fusing, policy=disabled)",
        ]
        wide = list(dict.fromkeys((RESIDUAL_SUMS, *wide)))
    for layer in wide:
        if not _LAYER.fullmatch(layer):
            raise UsageError(
                "16 bits",
                expected="layers by the parser's names, such as conv12 or ew_add*",
                found=repr(layer),
                action="take a name from the compiler's profile or from its HAR",
            )
        lines.append(f"quantization_param({_named(network, layer)}, precision_mode=a16_w16)")
    return "\n".join(lines) + "\n"


def _named(network: str, layer: str) -> str:
    """A pattern stands in braces, with the network's name before it."""
    full = layer if "/" in layer else f"{network}/{layer}"
    return f"{{{full}}}" if "*" in layer else layer


def _list(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in values) + "]"
