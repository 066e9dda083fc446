"""The harness fails what must fail: each control is judged as `pytest features/` judges the shipped release.

Every test names the criteria that its control has to fail, and why. One that the control satisfies is named
too, where it shows that the failure is the model's and not the harness's.
"""

import numpy as np
import pytest

from cardembed.cards.catalogue import load_catalogue

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from control_parts import (  # noqa: E402
    ROOT,
    KnowingEmbedder,
    World,
    collapsed_student,
    decided,
    pooled,
    shuffled_student,
)

from cardembed.cards.photo_plan import PhotoPlan  # noqa: E402
from cardembed.cards.photo_render import render_photo_set  # noqa: E402
from cardembed.cards.photo_set import attach_teacher  # noqa: E402
from cardembed.conformance.measure import Teacher  # noqa: E402
from cardembed.conformance.measure.bench import Bench  # noqa: E402
from cardembed.conformance.states import State  # noqa: E402
from cardembed.embedders.baselines import ColourHistogramEmbedder, NearestPixelEmbedder  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(request, tmp_path_factory):
    """One cache for all workers of a run, so that photos and embeddings are made once, whoever is first."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent  # each worker has a folder of its own in there
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # workers share the cores, and waiting threads would burn them
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARDEMBED_CACHE", str(folder / "negative-controls"))
        yield World()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def shipped(world):
    """The shipped student's verdicts."""
    return world.verdicts(world.shipped(), "AC-1", "AC-8", teacher=world.teacher)


def other_teacher(teacher: Teacher) -> Teacher:
    """As good a teacher, whose 768 dimensions mean something else: the same vectors, turned in space."""
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((768, 768)))
    photos, gallery = ((rows @ turn).astype(np.float32) for rows in (teacher.photos, teacher.gallery))
    return Teacher("f" * 64, photos, gallery)


def test_what_knows_every_card_passes(world):
    """The positive control: where it fails, the harness is at fault, and the failures below mean nothing."""
    verdicts = world.verdicts(KnowingEmbedder(world), "AC-1", "AC-3", "AC-4", "AC-6", "AC-7")
    states = {criterion: verdict.state for criterion, verdict in verdicts.items()}
    assert {states[criterion] for criterion in ("AC-1", "AC-6", "AC-7")} == {State.PASS}
    # Every photo holds; only their number is smaller than what the features fix.
    assert {states[criterion] for criterion in ("AC-3", "AC-4")} == {State.INCONCLUSIVE}
    assert pooled(verdicts["AC-3"]) == pooled(verdicts["AC-4"]) == 1


def test_shuffled_weights_fail(world, tmp_path):
    """AC-8: what an embedding's dimensions mean lies in the order of the weights. AC-4 and AC-7: a network
    that was not trained to tell pictures apart sends them all into a narrow cone. AC-3: nor did it learn to
    look past glare. AC-1: a random network keeps neighbours as a random projection does, so that it finds
    many cards, but their distances grow with every change of light.
    """
    embedder = world.opened(shuffled_student(world, seed=0), tmp_path / "shuffled.safetensors")
    criteria = ("AC-1", "AC-3", "AC-4", "AC-7", "AC-8")
    verdicts = world.verdicts(embedder, *criteria, teacher=world.teacher)
    assert {c: verdict.state for c, verdict in verdicts.items()} == dict.fromkeys(criteria, State.FAIL)
    assert pooled(verdicts["AC-4"]) < 0.1
    assert pooled(verdicts["AC-7"]) < 0.75
    assert [share.state for share in decided(verdicts["AC-8"])] == [State.FAIL, State.FAIL]


def test_a_student_that_was_trained_to_collapse_fails(world, tmp_path):
    """Where all embeddings are alike, two cards are one (AC-7) and a table is a card (AC-4). Two photos of a
    card are alike as well: AC-6 is satisfied by a model that is of no use.
    """
    embedder = world.opened(collapsed_student(world), tmp_path / "collapsed.safetensors")
    verdicts = world.verdicts(embedder, "AC-4", "AC-6", "AC-7")
    assert verdicts["AC-6"].state is not State.FAIL  # of 60 photos, one outlier leaves it open
    assert pooled(verdicts["AC-6"]) > 0.95
    assert verdicts["AC-7"].state is State.FAIL
    assert pooled(verdicts["AC-7"]) < 0.05
    assert {share.state for share in decided(verdicts["AC-4"])} == {State.FAIL}  # in every family
    assert pooled(verdicts["AC-4"]) < 0.05


def test_a_student_of_another_teacher_fails_the_alignment_alone(world, shipped):
    """Nothing else about the student depends on its teacher: it finds cards as before."""
    other = other_teacher(world.teacher)
    agree = world.teacher.photos @ world.teacher.gallery.T
    assert np.abs(other.photos @ other.gallery.T - agree).max() < 1e-4  # the other teacher finds them too
    verdicts = world.verdicts(world.shipped(), "AC-1", "AC-8", teacher=other)
    assert verdicts["AC-1"] == shipped["AC-1"]
    assert verdicts["AC-8"].state is State.FAIL
    similar, nearest = decided(verdicts["AC-8"])
    assert (similar.state, similar.k, nearest.state) == (State.FAIL, 0, State.FAIL)
    assert all(share.share > 0.25 for share in decided(shipped["AC-8"]))  # by its own teacher


def test_embeddings_of_another_teacher_that_come_with_the_photos_are_not_used(world, tmp_path):
    """Otherwise whoever packs the photos chooses the teacher that a student is judged by."""
    plan = PhotoPlan(
        clean=2, clean_second=0, occluded=0, glare=0, unknown=0, unknown_card=0, curve=0,
        zero_shot=0, zero_shot_occluded=0,
    )  # fmt: skip
    searched = load_catalogue(world.release.searched)
    photos = render_photo_set(
        searched, plan, split="verdict", seed=world.release.digest, out=tmp_path / "photos", workers=1
    )
    other = other_teacher(world.teacher)
    attached = other.photos[:2].astype(np.float16)
    gallery = np.resize(other.gallery, (len(searched), other.gallery.shape[1]))
    setup = {
        "release": str(ROOT / "fixtures" / "release"),
        "catalogue": None,
        "distractors": None,
        "photos": str(photos.root),
        "use_cache": True,
    }
    mine = world.release.weights("teacher").sha256

    attach_teacher(photos, attached, gallery, other.artefact_digest)
    with Bench(setup) as bench:
        used = bench.teacher()
    assert used.artefact_digest == mine
    assert len(used.gallery) == len(searched)
    assert np.array_equal(used.gallery[: len(world.catalogue)], world.teacher.gallery)
    assert used.photos.shape == attached.shape
    assert np.abs(used.photos - attached).max() > 0.01

    # The digest decides: under the release's own, the same numbers are taken for its teacher's.
    attach_teacher(photos, attached, gallery, mine)
    with Bench(setup) as bench:
        assert np.array_equal(bench.teacher().photos, attached)


def test_a_colour_histogram_fails(world):
    """AC-1 and AC-6: white balance and exposure move every colour of a photo into other bins. AC-4 and AC-7:
    many pictures have the same colours. AC-8: it knows nothing of a teacher.
    """
    criteria = ("AC-1", "AC-4", "AC-6", "AC-7", "AC-8")
    verdicts = world.verdicts(ColourHistogramEmbedder("hailo8l"), *criteria, teacher=world.teacher)
    assert {c: verdict.state for c, verdict in verdicts.items()} == dict.fromkeys(criteria, State.FAIL)


def test_nearest_pixels_fail(world):
    """AC-1: a misplaced corner moves every pixel, and light changes all of them. AC-4 and AC-7: at 16 × 16
    light pictures resemble each other, whatever they show. AC-8: they know nothing of a teacher.
    """
    criteria = ("AC-1", "AC-4", "AC-7", "AC-8")
    verdicts = world.verdicts(NearestPixelEmbedder("hailo8l"), *criteria, teacher=world.teacher)
    assert {c: verdict.state for c, verdict in verdicts.items()} == dict.fromkeys(criteria, State.FAIL)
    assert pooled(verdicts["AC-7"]) < 0.9
