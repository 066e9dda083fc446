"""The phrases of the acceptance criteria."""

from __future__ import annotations

from pytest_bdd import given, then, when

from cardembed.conformance import phrases
from cardembed.conformance.measure.bench import Bench
from cardembed.conformance.recorder.cell import Cell


@given(phrases.CLEAN_PHOTO.parser())
@given(phrases.OCCLUDED_PHOTO.parser())
@given(phrases.GLARE_PHOTO.parser())
@given(phrases.ZERO_SHOT_PHOTO.parser())
@given(phrases.ZERO_SHOT_OCCLUDED.parser())
@given(phrases.NOT_A_CARD.parser())
@given(phrases.UNKNOWN_CARD.parser())
@given(phrases.TWO_PHOTOS.parser())
@given(phrases.CLEAN_AND_OCCLUDED.parser())
@given(phrases.CLEAN_AND_GLARE.parser())
@given(phrases.BOTH_MODELS.parser())
@given(phrases.BOTH_MODELS_OCCLUDED.parser())
@given(phrases.BOTH_MODELS_GLARE.parser())
def photos(bench: Bench, cell: Cell) -> None:
    bench.photos_of(cell)


@given(phrases.DIFFERENT_CARDS.parser())
@given(phrases.SAME_ARTWORK.parser())
def gallery(bench: Bench, cell: Cell) -> None:
    bench.embedder(cell.target)


@given(phrases.ON_DEVICE.parser())
@given(phrases.ON_IPHONE.parser())
@given(phrases.ON_ANDROID.parser())
@given(phrases.TENSOR_AND_JPEG.parser())
@given(phrases.DEVICE_AND_HOST.parser())
def device(bench: Bench, cell: Cell) -> None:
    bench.deployed(cell.target)


@when(phrases.FIND_IN_DATABASE.parser())
@when(phrases.FIND_NEAREST.parser())
@when(phrases.PROCESS_SINGLE.parser())
@when(phrases.EMBED_BOTH.parser())
@when(phrases.COMPARE.parser())
@when(phrases.COMPARE_MODELS.parser())
def measure(bench: Bench, cell: Cell) -> None:
    bench.measure(cell)


@then(phrases.NEAREST_IS_CORRECT.parser())
@then(phrases.IN_TOP_K.parser())
def rank(cell: Cell) -> None:
    cell.has_column("rank")


@then(phrases.DISTANCE_BELOW.parser())
def distance(cell: Cell) -> None:
    cell.has_column("distance")


@then(phrases.NEAREST_ABOVE.parser())
def nearest_distance(cell: Cell) -> None:
    cell.has_column("nearest_distance")


@then(phrases.ANSWERS.parser())
def answer(cell: Cell) -> None:
    cell.has_column("answer")


@then(phrases.THRESHOLD_AT_LEAST.parser())
def match_threshold(cell: Cell) -> None:
    cell.has_column("match_threshold")


@then(phrases.COSINE_ABOVE.parser())
@then(phrases.SIMILARITY_ABOVE.parser())
def similarity(cell: Cell) -> None:
    cell.has_column("similarity")


@then(phrases.SIMILARITY_BELOW.parser())
def gallery_similarity(cell: Cell) -> None:
    cell.has_column("ids")


@then(phrases.COMPLETES_WITHIN.parser())
def latency(cell: Cell) -> None:
    cell.has_column("milliseconds")


@then(phrases.HOLDS_FOR_SHARE.parser())
@then(phrases.HOLDS_IN_EVERY_FAMILY.parser())
@then(phrases.AMONG_NEAREST.parser())
@then(phrases.TEACHER_NEAREST.parser())
@then(phrases.HOLDS_FOR_PAIRS.parser())
@then(phrases.IMPOSTORS_REPORTED.parser())
@then(phrases.REPORTED_OVER.parser())
@then(phrases.REPORTED_SAME_ARTWORK.parser())
@then(phrases.EVERY_ONE_BELOW.parser())
@then(phrases.HOLDS_FOR_PERCENTILE.parser())
def claim(cell: Cell) -> None:
    cell.claim()
