"""Published checkpoints, mocked: the official layouts written from a model's own random weights."""

import re

import pytest
import torch
from safetensors.torch import save_file

from cardembed.errors import ReleaseError
from cardembed.models.checkpoints import load_backbone
from cardembed.models.embedding import EmbeddingModel
from cardembed.models.profiles import Architecture
from cardembed.models.student import StudentModel
from cardembed.models.teacher import DINOv3TeacherModel


def randomised(model):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in model.backbone.parameters():
            value.copy_(0.1 * torch.randn(value.shape, generator=generator))
    return model


def official_dinov3(model) -> dict:
    """The names and extra entries of Meta's DINOv3 files."""
    state, width = {}, model.backbone.embed_dim
    for name, value in model.backbone.state_dict().items():
        if name.endswith("attn.q_bias"):
            other = model.backbone.state_dict()[name.replace("q_bias", "v_bias")]
            qkv = name.replace("q_bias", "qkv.bias")
            state[qkv] = torch.cat([value, torch.zeros(width), other])
            state[name.replace("q_bias", "qkv.bias_mask")] = torch.ones(3 * width)
        elif not name.endswith("attn.v_bias"):
            theirs = re.sub(r"gamma_(\d)", r"ls\1.gamma", name)
            state[theirs.replace("reg_token", "storage_tokens")] = value
    state["mask_token"] = torch.zeros(1, width)
    state["rope_embed.periods"] = torch.ones(16)
    return state


def official_convnext(model) -> dict:
    """The names of the original ConvNeXt files."""
    state = {}
    for name, value in model.backbone.state_dict().items():
        theirs = re.sub(r"stages\.(\d)\.blocks\.", r"stages.\1.", name)
        theirs = re.sub(r"stages\.(\d)\.downsample\.", r"downsample_layers.\1.", theirs)
        theirs = theirs.replace("stem.", "downsample_layers.0.").replace("conv_dw", "dwconv")
        theirs = theirs.replace("mlp.fc", "pwconv").replace("head.norm", "norm")
        state[theirs] = value.flatten(1) if "pwconv" in theirs and value.ndim == 4 else value
    state["head.weight"], state["head.bias"] = torch.zeros(1000, 320), torch.zeros(1000)
    return state


def assert_same_backbone(found, expected):
    ours, theirs = found.backbone.state_dict(), expected.backbone.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_an_official_dinov3_file_loads_wholly(tmp_path, suffix):
    source = randomised(DINOv3TeacherModel("dinov3_vit_tiny"))
    path = tmp_path / f"dinov3{suffix}"
    state = {name: value.contiguous() for name, value in official_dinov3(source).items()}
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    model = DINOv3TeacherModel("dinov3_vit_tiny", backbone_weights=path)
    assert_same_backbone(model, source)


def test_the_zero_biases_of_the_distilled_official_models_are_left_out_quietly(tmp_path, capsys):
    row = Architecture("one_block", "vit_small_patch16_dinov3", 64, 384, 1, {"img_size": 64, "depth": 1})
    source = randomised(EmbeddingModel(row))
    state = official_dinov3(source)
    state["blocks.0.attn.qkv.bias"] = torch.zeros(3 * 384)
    torch.save(state, tmp_path / "dinov3.pth")
    model = EmbeddingModel(row)
    load_backbone(model, tmp_path / "dinov3.pth")
    assert_same_backbone(model, source)
    assert capsys.readouterr().out == ""


def test_patches_of_another_size_are_resampled(tmp_path):
    source = randomised(DINOv3TeacherModel("dinov3_vit_tiny"))
    path = tmp_path / "dinov3.pth"
    state = official_dinov3(source)
    state["patch_embed.proj.weight"] = torch.randn(192, 3, 14, 14)
    torch.save(state, path)
    model = DINOv3TeacherModel("dinov3_vit_tiny")
    assert load_backbone(model, path) == len(source.backbone.state_dict())
    assert model.backbone.patch_embed.proj.weight.shape == (192, 3, 16, 16)


def test_an_official_convnext_file_loads_wholly(tmp_path, capsys):
    source = randomised(StudentModel("convnext_atto"))
    path = tmp_path / "convnext.pth"
    torch.save({"model": official_convnext(source)}, path)
    assert_same_backbone(StudentModel("convnext_atto", backbone_weights=path), source)
    assert capsys.readouterr().out == ""


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "EOFError"),
        (b"not a checkpoint", "UnpicklingError"),
        ({"x": 1}, "something else"),
        ({"x": Evil()}, "UnpicklingError"),
        ({"blocks.0.nothing": torch.zeros(1)}, "Missing key"),
    ],
)
def test_what_is_no_checkpoint_is_refused_and_not_executed(tmp_path, capsys, content, found):
    path = tmp_path / "bad.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ReleaseError, match=found):
        StudentModel("convnext_atto", backbone_weights=path)
    assert "executed" not in capsys.readouterr().out


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReleaseError, match=r"none\.pth.*no such file"):
        StudentModel("convnext_atto", backbone_weights=tmp_path / "none.pth")
