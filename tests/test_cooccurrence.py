from pathlib import Path

import numpy as np
import pytest
from conftest import make_session
from scipy.sparse import csr_matrix

from slmcli import cooccurrence
from slmcli.cooccurrence import cooccurrence_vectors
from slmcli.dataset import open_dataset

# tokens 0 to 5 are special; 6 and 7 stand beside 8, 9 and 10 beside 11
TEXTS = [[6, 8], [7, 8], [9, 11], [10, 11]] * 3


def vectors(texts: list[list[int]], *, size: int = 14, width: int = 4) -> np.ndarray:
    return cooccurrence_vectors([np.array(text, np.int32) for text in texts], vocabulary_size=size, width=width)


def _likeness(texts: list[list[int]]) -> np.ndarray:
    """Products of all vectors: what is left of them when directions of one singular value change places or signs."""
    found = vectors(texts)
    return found @ found.T


def test_tokens_beside_the_same_others_are_alike() -> None:
    found = vectors(TEXTS)
    assert found.dtype == np.float32
    assert found[6] @ found[7] == pytest.approx(1.0, abs=1e-5)
    assert abs(found[6] @ found[9]) < 1e-5


def test_rows_have_length_one_or_none() -> None:
    found = vectors([*TEXTS, [13], [1, 12, 2]])
    np.testing.assert_allclose(np.linalg.norm(found[6:12], axis=1), 1.0, atol=1e-5)
    assert not found[:6].any()  # special tokens
    assert not found[12:].any()  # beside no other word


def test_products_of_factors_are_mutual_information() -> None:
    """Before they have length 1, those of a symmetric table without negative eigenvalues give it back."""
    texts = [[6, 6, 6], [7, 7, 7], [6, 7]]
    # pairs both ways: 6-6 in two pairs one token apart, and in one two apart, which counts half; 6-7 in one
    counts = np.array([[5.0, 1.0], [1.0, 5.0]])
    contexts = np.full(2, 0.5)  # both equally frequent
    expected = np.maximum(np.log(counts / 6.0 / contexts), 0.0)
    table = cooccurrence._mutual_information(cooccurrence._count_pairs([np.array(text, np.int32) for text in texts], 8)[6:][:, 6:])
    np.testing.assert_allclose(table.toarray(), expected, atol=1e-6)
    factors = cooccurrence._factorise(table, 2)
    np.testing.assert_allclose(factors @ factors.T, expected, atol=1e-5)


@pytest.mark.parametrize("dense", [1000, 0])
def test_a_table_of_zeros_has_no_factors(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "_DENSE", dense)
    assert not cooccurrence._factorise(csr_matrix((40, 40), dtype=np.float32), 5).any()


@pytest.mark.parametrize("dense", [1000, 0])
def test_the_first_factors_are_the_nearest_table_of_their_rank(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "_DENSE", dense)
    counts = np.random.default_rng(0).random((40, 60))
    table = csr_matrix(counts @ counts.T, dtype=np.float32)
    left, values, right = np.linalg.svd(table.toarray().astype(np.float64))
    factors = cooccurrence._factorise(table, 5)
    assert (np.diff(np.linalg.norm(factors, axis=0)) < 0.0).all()
    np.testing.assert_allclose(factors @ factors.T, left[:, :5] * values[:5] @ right[:5], rtol=1e-3)


def test_rare_contexts_count_for_more_than_their_share() -> None:
    """So a token beside them says less than it would: their exponent is below 1."""
    texts = [np.array(text, np.int32) for text in [[6, 7], [6, 7], [6, 7], [6, 8]]]
    table = cooccurrence._mutual_information(cooccurrence._count_pairs(texts, 9)[6:][:, 6:]).toarray()
    contexts = np.array([4.0, 3.0, 1.0]) ** 0.75
    assert table[0, 2] == pytest.approx(np.log(0.25 / (contexts / contexts.sum())[2]), abs=1e-6)


def test_texts_do_not_touch() -> None:
    assert not vectors([[6], [7]] * 4).any()


def test_a_window_reaches_five_places() -> None:
    gap = [1, 1, 1, 1]  # unknown tokens keep their places
    assert vectors([[6, *gap, 7]] * 2).any()
    assert not vectors([[6, *gap, 1, 7]] * 2).any()


def test_blocks_and_the_most_that_is_read_change_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    likeness = _likeness(TEXTS)
    monkeypatch.setattr(cooccurrence, "_BLOCK", 3)
    np.testing.assert_allclose(_likeness(TEXTS), likeness, atol=1e-5)
    monkeypatch.setattr(cooccurrence, "_MOST_TOKENS", 24)  # all that there are; what follows is not read
    np.testing.assert_allclose(_likeness([*TEXTS, [6, 11]]), likeness, atol=1e-5)


@pytest.mark.parametrize("texts", [[], [[]], [[6]], [[6, 6]], [[1, 1]]])
def test_nothing_to_count_gives_zeros(texts: list[list[int]]) -> None:
    assert not vectors(texts).any()


def test_more_columns_than_tokens_stay_zero() -> None:
    found = vectors(TEXTS, width=50)
    assert found.shape == (14, 50)
    assert not found[:, 6:].any()
    assert found[6] @ found[7] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("dense", [1000, 0])
@pytest.mark.parametrize("width", [2, 6])
def test_the_same_texts_give_the_same_vectors(width: int, dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a table of few directions, where the search for them has to begin again."""
    monkeypatch.setattr(cooccurrence, "_DENSE", dense)
    texts = [[6, 7, 8, 9 + number % 20, 29, 30] for number in range(100)]
    first = vectors(texts, size=31, width=width)
    assert first[6:].any()
    for _ in range(3):
        np.testing.assert_array_equal(vectors(texts, size=31, width=width), first)


def test_rare_tokens_of_a_large_vocabulary_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "_MOST_ENTRIES", 11)
    found = vectors(TEXTS)
    assert found[[6, 7, 8]].any(axis=1).all()
    assert not found[[9, 10, 11]].any()  # 11, which alone stands beside 9 and 10, is too rare


def test_a_training_begins_with_them_where_there_are_any(dataset: Path, tmp_path: Path) -> None:
    tables = []
    for start in ("uniform", "cooccurrence"):
        session = make_session(dataset, tmp_path / start, initial_embedding=start)
        tables.append(next(weight for weight in session.model.weights if weight.name == "embeddings").numpy())
    texts = (example.features["token_ids"] for example in open_dataset(dataset).read("train"))
    expected = cooccurrence_vectors(texts, vocabulary_size=tables[0].shape[0], width=tables[0].shape[1])
    counted = expected.any(axis=1)
    assert counted.sum() > 10
    np.testing.assert_allclose(tables[1][counted], 0.2 * np.sqrt(expected.shape[1]) * expected[counted], atol=1e-6)
    np.testing.assert_array_equal(tables[1][~counted], tables[0][~counted])
