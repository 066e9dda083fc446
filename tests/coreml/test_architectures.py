"""Beyond the students: what timm's other networks convert to is executed, too, with weights that count."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
coremltools = pytest.importorskip("coremltools")

from cardembed.coreml.model import CoreMLModel  # noqa: E402 - imports PyTorch
from cardembed.parity.classes import FLOAT32, agreement  # noqa: E402 - as above

SIZE = 64


def live(name):
    """Random weights none of which is as good as absent: LayerScale .1 to .5, biases, running statistics."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=0).eval()
    with torch.no_grad():
        for part, value in model.named_parameters():
            if "gamma" in part or part.endswith(("ls1", "ls2", "grn.weight")):
                value.uniform_(0.1, 0.5)
            elif part.endswith("bias"):
                value.normal_(0, 0.1)
        for part, value in model.named_buffers():
            if part.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif part.endswith("running_var"):
                value.uniform_(0.5, 1.5)
    return model


@pytest.mark.parametrize(
    "name",
    [
        "resnet18", "regnetx_002", "regnety_002", "efficientnet_lite0", "efficientnet_b0",
        "mobilenetv3_small_050", "mobilenetv2_050", "convnext_atto_ols", "ghostnet_100", "repvgg_a0",
    ],
)  # fmt: skip
def test_a_timm_architecture(name, tmp_path):
    model = live(name)
    images = np.random.default_rng(0).normal(size=(2, 3, SIZE, SIZE)).astype(np.float32)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        wanted = model(torch.from_numpy(images)).numpy()
        program = coremltools.convert(
            torch.jit.trace(model, torch.zeros(1, 3, SIZE, SIZE)),
            inputs=[coremltools.TensorType(name="input", shape=(1, 3, SIZE, SIZE), dtype=np.float32)],
            outputs=[coremltools.TensorType(name="features", dtype=np.float32)],
            minimum_deployment_target=coremltools.target.iOS16,
            compute_precision=coremltools.precision.FLOAT32, skip_model_load=True,
        )  # fmt: skip
    program.save(str(tmp_path / "x.mlpackage"))
    executed = CoreMLModel.load(tmp_path / "x.mlpackage")
    rows = np.concatenate([executed.predict({"input": one[None]})["features"] for one in images])
    length = np.linalg.norm(wanted, axis=1, keepdims=True)  # the class is about unit vectors
    assert FLOAT32.holds(agreement(wanted / length, rows / length))
