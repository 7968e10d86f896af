"""Directions of texts: those of an exact decomposition, and a regression along them that is one of n-grams."""

import numpy as np
import pytest

from slmcli import directions
from slmcli.directions import find_directions, fit_along
from slmcli.linear import Blocks, fit, scale_to_length

TOPICS = 4


def texts(count: int, *, size: int = 60, seed: int = 0, own: int = 4) -> tuple[Blocks, np.ndarray]:
    """Return texts of some topics, each with n-grams of its own among those of all, and the topic of each."""
    random = np.random.default_rng(seed)
    topics = random.integers(TOPICS, size=count)
    reach = size // (2 * TOPICS)
    rows = [np.unique(np.concatenate([topic * reach + random.integers(reach, size=own), random.integers(size, size=6)])) + 1 for topic in topics]
    return Blocks.of(np.concatenate(rows).astype(np.int32), np.array([len(row) for row in rows]), size=size, words=40), topics


def spread(blocks: Blocks, axes: np.ndarray) -> np.ndarray:
    """Return the sums of squares along axes, in the scaled features that axes are found in."""
    return np.square(scale_to_length(blocks, blocks.idf) @ axes).sum(axis=0)


def exact(blocks: Blocks, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (texts, width) where texts lie, and the singular values, by a decomposition of the whole table."""
    features = scale_to_length(blocks, blocks.idf).toarray()
    left, values, _ = np.linalg.svd(features / np.sqrt(features.sum(axis=0) + 1.0), full_matrices=False)
    return left[:, 1 : width + 1] * values[1 : width + 1], values[1 : width + 1]


def test_few_texts_are_decomposed_exactly() -> None:
    blocks, _ = texts(50)
    places, values = exact(blocks, 5)
    found = scale_to_length(blocks, blocks.idf) @ find_directions(blocks, blocks.idf, width=5)
    np.testing.assert_allclose(np.abs(found), np.abs(places), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), values, rtol=1e-4)


def test_many_texts_are_decomposed_nearly_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directions, "_DENSE", 10)
    monkeypatch.setattr(directions, "_VECTORS", 8)
    blocks, _ = texts(3000, size=400)
    passes: list[int] = []
    axes = find_directions(blocks, blocks.idf, width=10, report=lambda: passes.append(1))
    np.testing.assert_allclose(spread(blocks, axes), np.square(exact(blocks, 10)[1]), rtol=1e-3)
    assert len(passes) == directions.PASSES


def test_the_same_texts_give_the_same_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directions, "_DENSE", 10)
    blocks, _ = texts(2000, size=400)
    first, second = (find_directions(blocks, blocks.idf, width=6) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_fewer_directions_are_found_where_there_are_no_more() -> None:
    blocks = Blocks.of(np.array([1, 2, 1, 2, 3, 4], np.int32), np.array([2, 2, 2]), size=5, words=5)
    axes = find_directions(blocks, blocks.idf, width=250)
    assert axes.shape == (5, 1)  # two different texts, less what they have in common


@pytest.mark.parametrize("lengths", [[0, 0, 0], [1]], ids=["texts without n-grams", "one text"])
def test_texts_without_a_difference_have_no_direction(lengths: list[int]) -> None:
    blocks = Blocks.of(np.ones(sum(lengths), np.int32), np.array(lengths), size=3, words=3)
    assert find_directions(blocks, blocks.idf, width=4).shape == (3, 0)


def test_of_very_many_texts_the_first_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, _ = texts(40)
    read = blocks.take(np.arange(20))
    monkeypatch.setattr(directions, "MOST_VALUES", int(read.present.nnz))
    np.testing.assert_allclose(find_directions(blocks, blocks.idf, width=3), find_directions(read, blocks.idf, width=3), atol=1e-6)


def test_a_regression_along_directions_learns_from_few_texts_what_many_have_in_common() -> None:
    many, _ = texts(2000, size=400, own=8)
    few, topics = texts(24, size=400, own=8, seed=1)
    new, right = texts(500, size=400, own=8, seed=2)
    axes = find_directions(many, few.idf, width=TOPICS)
    targets = np.eye(TOPICS, dtype=np.float32)[topics]
    model = fit_along(axes, few, few.idf, targets, np.ones(24, np.float32), loss="softmax", strength=1.0, iterations=50)
    along = (model.predict(new).argmax(axis=1) == right).mean()
    plain = (fit(few, targets, np.ones(24, np.float32), loss="softmax", scaling="none").predict(new).argmax(axis=1) == right).mean()
    assert along > 0.95
    assert plain < 0.85


@pytest.mark.parametrize("loss", ["softmax", "sigmoid", "square"])
def test_the_model_of_ngrams_says_what_the_regression_along_directions_says(loss: str) -> None:
    blocks, topics = texts(200)
    axes = find_directions(blocks, blocks.idf, width=8)
    targets = np.eye(TOPICS, dtype=np.float32)[topics]
    weights = np.ones(200, np.float32)
    model = fit_along(axes, blocks, blocks.idf, targets, weights, loss=loss, strength=10.0, iterations=200)  # type: ignore[arg-type]
    places = scale_to_length(blocks, blocks.idf) @ axes
    # what it says is linear in where the texts lie
    design = np.column_stack([places, np.ones(200)])
    said = model.predict(blocks)
    np.testing.assert_allclose(design @ np.linalg.lstsq(design, said, rcond=None)[0], said, atol=1e-3)
    if loss == "square":
        centred = (places - places.mean(axis=0)) / places.std(axis=0)
        ridge = np.linalg.solve(centred.T @ centred + 0.1 * np.eye(centred.shape[1]), centred.T @ (targets - targets.mean(axis=0)))
        np.testing.assert_allclose(said, centred @ ridge + targets.mean(axis=0), atol=2e-3)
