import pytest
import torch

from cardembed.errors import EmbeddingError, UnknownTargetError
from cardembed.models.profiles import ARCHITECTURES, PROFILES
from cardembed.models.student import StudentModel
from cardembed.models.teacher import DINOv3TeacherModel
from cardembed.models.weights import build_architecture, build_model


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_parameters_and_features_are_what_the_table_says(name):
    row = ARCHITECTURES[name]
    with torch.device("meta"):
        model = build_architecture(name)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == pytest.approx(row.parameters, rel=0.03)
    assert model.backbone.num_features == row.features
    assert model.input_size == row.input_size


def test_the_teacher_without_arguments_is_the_prds():
    with torch.device("meta"):
        model = DINOv3TeacherModel()
    assert (model.architecture.name, model.input_size, model.embedding_dim) == ("dinov3_vit_large", 518, 768)
    assert model.backbone.patch_embed.patch_size == (14, 14)
    assert model.backbone.patch_embed.grid_size == (37, 37)


@pytest.mark.parametrize("target", ["teacher", "android", "ios", "hailo8l"])
def test_reference_models_give_unit_vectors(target):
    model = build_model("reference", target, seed=1).eval()
    size = PROFILES["reference"][target].input_size
    with torch.inference_mode():
        embeddings = model(torch.randn(2, 3, size, size))
    assert embeddings.shape == (2, 768)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(2), atol=1e-5)


def test_equal_seeds_give_equal_weights_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (build_model("reference", "hailo8l", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    states = [model.state_dict() for model in (first, second, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_a_transformer_takes_any_multiple_of_its_patch():
    model = build_model("reference", "teacher", seed=1).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 3, 96, 96)).shape == (1, 768)
        with pytest.raises(AssertionError, match="divisible by patch size"):
            model(torch.randn(1, 3, 100, 100))


@pytest.mark.parametrize("shape", [(3, 128, 128), (1, 1, 128, 128), (1, 128, 128, 3)])
def test_what_is_no_image_batch_is_refused(shape):
    with pytest.raises(EmbeddingError, match="channels first"):
        StudentModel("convnext_atto")(torch.zeros(shape))


def test_unknown_architectures_are_refused():
    with pytest.raises(UnknownTargetError, match="convnext_tiny"):
        StudentModel("resnet50")
    with pytest.raises(UnknownTargetError, match="StudentModel"):
        DINOv3TeacherModel("convnext_tiny")
