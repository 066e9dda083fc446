import json

import numpy as np
import pytest

from cardembed.errors import DatabaseError, EmbeddingError
from cardembed.retrieval.database import ReferenceDatabase, load_reference_database


def unit(seed, count):
    rows = np.random.default_rng(seed).standard_normal((count, 768))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def near(row, distance, seed=9):
    """A unit vector at a given cosine distance of another."""
    other = np.random.default_rng(seed).standard_normal(768)
    other -= (other @ row) * row
    other /= np.linalg.norm(other)
    cosine = 1 - distance
    return cosine * row + np.sqrt(1 - cosine**2) * other


@pytest.fixture
def database():
    ids = [f"card-{row}" for row in range(20)]
    return ReferenceDatabase(ids, unit(0, 20), [f"art-{row // 2}" for row in range(20)], metadata={"a": "b"})


def test_search_is_exact(database):
    queries = unit(1, 7)
    rows, distances = database.search(queries, 20)
    similarity = queries.astype(np.float64) @ database.embeddings.astype(np.float64).T
    assert (rows == np.argsort(-similarity, axis=1)).all()
    assert distances == pytest.approx(-np.sort(-(1 - similarity), axis=1)[:, ::-1], abs=1e-6)
    assert database.search(queries, 99)[0].shape == (7, 20)


def test_find_nearest_takes_one_embedding_of_any_scale(database):
    assert database.find_nearest(5 * near(database.embeddings[4], 0.1)) == "card-4"
    assert database.find_nearest(database.embeddings[7:8]) == "card-7"
    with pytest.raises(EmbeddingError):
        database.find_nearest(database.embeddings[:2])


def test_match_and_no_match(database):
    close, far = near(database.embeddings[3], 0.25), near(database.embeddings[3], 0.45)
    match = database.match(close, threshold=0.4)
    assert (match.card_id, match.text, match.ties) == ("card-3", "card-3", ())
    assert match.distance == pytest.approx(0.25, abs=1e-5)
    match = database.match(far, threshold=0.4)
    assert (match.card_id, match.text, match.nearest) == (None, "No match found", "card-3")
    assert match.distance == pytest.approx(0.45, abs=1e-5)


def test_reprints_are_reported_as_ties_but_not_beyond_the_threshold():
    base = unit(0, 5)
    base[1], base[2] = near(base[0], 0.01), near(base[0], 0.05)
    database = ReferenceDatabase(list("abcde"), base)
    match = database.match(base[0], threshold=0.4)
    assert (match.card_id, [tie.card_id for tie in match.ties]) == ("a", ["b"])
    assert [tie.card_id for tie in database.match(base[0], 0.4, tie_margin=0.06).ties] == ["b", "c"]
    assert database.match(base[0], threshold=0.001).ties == ()


def test_equal_cards_come_in_the_order_of_the_rows():
    database = ReferenceDatabase(list("abc"), np.repeat(unit(0, 1), 3, axis=0))
    rows, _ = database.search(unit(0, 1), 3)
    assert rows.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("name", ["gallery.npz", "card_embeddings.json"])
def test_saved_and_loaded_it_is_the_same(database, tmp_path, name):
    database.save(tmp_path / name)
    again = load_reference_database(tmp_path / name)
    assert (again.ids, again.artworks, again.metadata) == (database.ids, database.artworks, database.metadata)
    assert np.abs(again.embeddings - database.embeddings).max() < 1e-7
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_the_prds_plain_json_is_read(tmp_path):
    rows = unit(2, 3)
    (tmp_path / "card_embeddings.json").write_text(
        json.dumps({f"c{row}": rows[row].tolist() for row in range(3)})
    )
    database = load_reference_database(str(tmp_path / "card_embeddings.json"))
    assert database.find_nearest(rows[1]) == "c1"
    assert database.artworks is None


def test_rows_that_are_nearly_unit_are_scaled():
    database = ReferenceDatabase(["a", "b"], unit(0, 2) * np.float32(1.0005))
    assert np.linalg.norm(database.embeddings, axis=1) == pytest.approx([1, 1], abs=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        database.embeddings[0, 0] = 1


@pytest.mark.parametrize(
    ("ids", "embeddings", "found"),
    [
        ([], np.empty((0, 768)), "no cards"),
        (["a", "a"], unit(0, 2), "'a' more than once"),
        (["a"], unit(0, 2), "1 ids"),
        (["a"], np.ones((1, 512)) / 512**0.5, "512"),
        (["a"], np.full((1, 768), np.nan), "nan"),
        (["a"], unit(0, 1) * 2, "norm 2"),
        (["a"], np.zeros((1, 768)), "norm 0"),
        (["a"], np.ones((1, 768), dtype=np.int64), "int64"),
    ],
)
def test_what_is_no_database_is_refused(ids, embeddings, found):
    with pytest.raises(DatabaseError, match=found):
        ReferenceDatabase(ids, embeddings)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.npz", b"", "damaged"),
        ("a.npz", b"PK\x03\x04 truncated", "damaged"),
        ("a.json", b"[1, 2]", "JSON list"),
        ("a.json", b"{", "no JSON"),
        ("a.json", b"\xff\xfe", "no JSON"),
        ("a.json", b"{}", "no cards"),
        ("a.json", b'{"a": [1.0], "a": [1.0]}', "twice"),
        ("a.json", b'{"schema_version": 2, "embeddings": {}}', "schema version 2"),
        ("a.json", b'{"schema_version": 1}', "no object `embeddings`"),
        ("a.json", b'{"a": [1, 2], "b": [1]}', "not lists"),
        ("a.json", b'{"a": ["x"]}', "not lists"),
        ("a.json", b'{"a": [1.0]}', r"\(1, 1\)"),
        ("a.pkl", b"x", "suffix"),
    ],
)
def test_damaged_files_are_one_line(tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatabaseError, match=found) as error:
        load_reference_database(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_foreign_arrays(tmp_path):
    with pytest.raises(DatabaseError, match="no such file"):
        load_reference_database(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", ids=np.array(["a"]), surprise=np.zeros(3))
    with pytest.raises(DatabaseError, match="surprise"):
        load_reference_database(tmp_path / "other.npz")
    np.savez(tmp_path / "pickle.npz", schema_version=1, ids=np.array([None]), embeddings=unit(0, 1))
    with pytest.raises(DatabaseError, match="damaged"):
        load_reference_database(tmp_path / "pickle.npz")


def test_queries_are_checked(database):
    for queries in (np.full(768, np.nan), np.zeros(768), np.ones(512), np.ones(768, dtype=int)):
        with pytest.raises(EmbeddingError):
            database.search(queries)
    with pytest.raises(EmbeddingError):
        database.search(np.ones(768), 0)
