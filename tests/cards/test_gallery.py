import pickle

import pytest

from cardembed.cards.catalogue import SyntheticCatalogue, load_catalogue
from cardembed.cards.gallery import Gallery, shared_cards
from cardembed.cards.photo_plan import PhotoPlan, plan_photos
from cardembed.errors import CatalogueError

LEARNED = SyntheticCatalogue(3, 6)
LATER = SyntheticCatalogue(4, 3)
DISTRACTORS = SyntheticCatalogue(5, 4)


def gallery():
    return Gallery(LEARNED, zero_shot=LATER, distractors=DISTRACTORS)


def test_parts_stand_one_after_the_other_and_share_no_id_and_no_artwork():
    cards = gallery()
    assert len(cards) == 13
    assert cards.ids[:6] == LEARNED.ids == cards.photographed
    assert cards.enrolled_later == [f"zero-shot/{name}" for name in LATER.ids]
    assert set(LEARNED.ids) & set(DISTRACTORS.ids)  # catalogues of other seeds repeat ids
    assert cards.ids[9] == f"distractors/{DISTRACTORS.ids[0]}"
    parts = [set(cards.artworks[a:b]) for a, b in ((0, 6), (6, 9), (9, 13))]
    assert len(parts[0] | parts[1] | parts[2]) == sum(len(part) for part in parts)


def test_pictures_are_those_of_the_part():
    cards = gallery()
    assert cards.image(cards.ids[0]) == LEARNED.image(LEARNED.ids[0])
    assert cards.image(cards.ids[6]) == LATER.image(LATER.ids[0])
    assert cards.image(cards.ids[12]) == DISTRACTORS.image(DISTRACTORS.ids[3])
    with pytest.raises(CatalogueError, match="one of its cards"):
        cards.image("distractors/none")


def test_a_reference_opens_the_same_gallery():
    cards = gallery()
    again = load_catalogue(cards.reference)
    assert isinstance(again, Gallery)
    assert (again.ids, again.digest) == (cards.ids, cards.digest)
    assert pickle.loads(pickle.dumps(cards)).digest == cards.digest


def test_the_digest_tells_parts_apart():
    digests = {
        Gallery(LEARNED).digest,
        LEARNED.digest,
        gallery().digest,
        Gallery(LEARNED, distractors=LATER).digest,
        Gallery(LEARNED, zero_shot=LATER).digest,
        gallery().with_distractors(5).digest,
    }
    assert len(digests) == 6


def test_more_distractors_begin_with_the_same():
    more = gallery().with_distractors(9)
    assert more.ids[:13] == gallery().ids
    assert len(more) == 18
    with pytest.raises(CatalogueError, match="dealt from a seed"):
        Gallery(LEARNED).with_distractors(5)


@pytest.mark.parametrize("reference", [{}, {"kind": "gallery"}, {"zero-shot": LATER.reference}])
def test_a_reference_without_learned_cards_is_refused(reference):
    with pytest.raises(CatalogueError):
        load_catalogue({"kind": "gallery", **reference})


def test_a_reference_with_a_part_of_another_name_is_refused():
    with pytest.raises(CatalogueError, match="the part learned"):
        load_catalogue({"kind": "gallery", "learned": LEARNED.reference, "more": LATER.reference})


def test_photos_show_learned_cards_and_those_that_were_enrolled_later_apart():
    plan = PhotoPlan(zero_shot=8, zero_shot_occluded=5)
    photos = plan_photos(gallery(), plan, split="verdict", seed=1)
    cards = {photo.condition: set() for photo in photos}
    for photo in photos:
        cards[photo.condition].add(photo.card)
    assert cards["clean"] | cards["occluded"] <= set(LEARNED.ids)
    assert cards["zero-shot"] <= set(gallery().enrolled_later)
    counts = {name: sum(photo.condition == name for photo in photos) for name in cards}
    assert (counts["zero-shot"], counts["zero-shot-occluded"]) == (8, 5)
    assert [p.card for p in photos if p.condition == "zero-shot"][:5] == [
        p.card for p in photos if p.condition == "zero-shot-occluded"
    ]


def test_a_catalogue_without_later_cards_has_no_such_photos():
    photos = plan_photos(LEARNED, PhotoPlan(), split="verdict", seed=1)
    assert not any(photo.condition.startswith("zero-shot") for photo in photos)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("synthetic:5:6", "synthetic:5:3"),
        ("synthetic:5:6", "synthetic:05:6"),
        (SyntheticCatalogue(5, 6), "synthetic:005:1"),
        ("scans", "scans"),
        ("scans", "./scans/"),
        ("scans", "others/../scans"),
        ("scans", "link"),
    ],
)
def test_cards_that_are_named_twice_are_noticed(tmp_path, monkeypatch, first, second):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans").mkdir()
    (tmp_path / "link").symlink_to("scans")
    named = {"a": first, "none": None, "b": "synthetic:6:6", "c": "folder", "d": second}
    assert shared_cards(named) == ("d", "a")
    assert shared_cards({**named, "d": str(tmp_path / "folder")}) == ("d", "c")
    assert shared_cards({**named, "d": "synthetic:50:6"}) is None
    with pytest.raises(CatalogueError, match="synthetic:SEED:COUNT"):
        shared_cards({"a": "synthetic:5"})
