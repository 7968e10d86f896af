"""Logistic regression over bags of n-grams: numbers worked out by hand, and what must hold whatever the numbers."""

import numpy as np
import pytest

from slmcli.linear import Blocks, LinearModel, Loss, fit, log_count_ratios

# n-gram ids from 1 on; 1 to 3 are of words, 4 and 5 of characters
TEXTS = [[1, 3], [1, 4], [2, 3, 5], [2]]


def blocks(texts: list[list[int]] = TEXTS, *, words: int = 3, size: int = 5) -> Blocks:
    flat = np.array([number for text in texts for number in text], np.int32)
    return Blocks.of(flat, np.array([len(text) for text in texts]), size=size, words=words)


def solve(texts: list[list[int]], targets: list[list[float]], loss: Loss = "softmax", **changes: float) -> LinearModel:
    weights = np.ones(len(texts), np.float32)
    return fit(blocks(texts), np.array(targets, np.float32), weights, loss=loss, strength=changes.get("strength", 10.0))


def test_a_text_has_a_one_for_each_of_its_ngrams() -> None:
    assert blocks().present.toarray().tolist() == [[1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [0, 1, 1, 0, 1], [0, 1, 0, 0, 0]]


def test_ratios_compare_shares_of_texts_with_add_one_smoothing() -> None:
    targets = np.array([[1.0], [1.0], [0.0], [0.0]], np.float32)
    # words in texts of the label: 2, 0, 1, plus one each: 3 + 1 + 2 = 6; in others 0, 2, 1: 1 + 3 + 2 = 6
    expected = np.log([(3 / 6) / (1 / 6), (1 / 6) / (3 / 6), (2 / 6) / (2 / 6)])
    np.testing.assert_allclose(log_count_ratios(blocks(), targets)[:3, 0], expected, rtol=1e-6)


def test_the_output_is_tf_idf_of_each_block_times_the_weights() -> None:
    model = LinearModel(
        np.array([[1.0], [0.0], [2.0], [4.0], [0.0]], np.float32), np.array([3, 1, 4, 2, 1], np.float32), np.array([0.5], np.float32), 3
    )
    # words 1 and 3: (1 + 2) / root(9 + 16) = 0.6; word 1 and character n-gram 4: 1 / 3 + 4 / 2
    np.testing.assert_allclose(model.predict(blocks())[:2, 0], [0.5 + 0.6, 0.5 + 1 / 3 + 2.0], rtol=1e-6)


@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_labels_that_ngrams_tell_are_learned(loss: Loss) -> None:
    targets = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    texts = [[1], [2], [3]] * 4
    assert solve(texts, targets * 4, loss).predict(blocks(texts)).argmax(axis=1).tolist() == [0, 1, 2] * 4


def test_margins_are_reached_as_far_as_the_penalty_allows() -> None:
    # each text has one n-gram, of value 1: w / C = 2 * 4 * (1 - w), so that w = 8 C / (1 + 8 C), and no bias
    weights = np.ones(8, np.float32)
    found = fit(blocks([[1], [2]] * 4), np.array([[1.0], [0.0]] * 4, np.float32), weights, loss="hinge", scaling="none", strength=0.5)
    np.testing.assert_allclose(found.predict(blocks([[1], [2]]))[:, 0], [0.8, -0.8], atol=1e-3)


def test_margins_of_several_labels_are_solved_each_by_itself() -> None:
    targets = np.eye(3, dtype=np.float32)
    together = fit(blocks([[1], [2], [3]]), targets, np.ones(3, np.float32), loss="hinge", strength=1.0).predict(blocks([[1], [2, 4]]))
    apart = [fit(blocks([[1], [2], [3]]), targets[:, [label]], np.ones(3, np.float32), loss="hinge", strength=1.0) for label in range(3)]
    np.testing.assert_allclose(together, np.concatenate([each.predict(blocks([[1], [2, 4]])) for each in apart], axis=1), atol=0.02)


def test_two_labels_need_one_output() -> None:
    found = solve([[1], [2]] * 4, [[1.0], [0.0]] * 4).predict(blocks([[1], [2]]))
    assert found[0, 0] > 0.5
    np.testing.assert_allclose(found[0], -found[1], atol=1e-3)


def test_numbers_are_learned() -> None:
    found = solve([[1], [2]] * 50, [[2.0], [-1.0]] * 50, "square", strength=100.0).predict(blocks([[1], [2]]))
    np.testing.assert_allclose(found[:, 0], [2.0, -1.0], atol=0.01)


def test_a_stronger_penalty_makes_smaller_weights() -> None:
    weak, strong = (solve([[1], [2]] * 4, [[1.0], [0.0]] * 4, strength=strength) for strength in (100.0, 0.1))
    assert np.abs(strong.weights).sum() < np.abs(weak.weights).sum()


def test_a_text_without_ngrams_gets_the_bias() -> None:
    model = solve([[1], [2], []] * 4, [[1.0], [0.0], [1.0]] * 4)
    assert model.predict(blocks([[]])).tolist() == [model.bias.tolist()]


def test_an_example_of_weight_two_counts_as_two_examples() -> None:
    targets = np.array([[1.0], [0.0], [0.0]], np.float32)
    once = fit(blocks([[1], [1], [2]]), targets, np.array([2.0, 1.0, 1.0], np.float32), loss="softmax")
    # ratios and frequencies count texts, weights only the loss: compare with the other weights
    other = fit(blocks([[1], [1], [2]]), targets, np.array([1.0, 2.0, 1.0], np.float32), loss="softmax")
    assert once.predict(blocks([[1]]))[0, 0] > other.predict(blocks([[1]]))[0, 0]


def test_the_order_of_texts_does_not_matter() -> None:
    texts, targets = [[1, 3], [2], [1, 4], [2, 5]] * 3, [[1.0], [0.0], [1.0], [0.0]] * 3
    first, second = solve(texts, targets), solve(texts[::-1], targets[::-1])
    np.testing.assert_allclose(first.weights, second.weights, rtol=0.01)


def test_every_pass_is_told() -> None:
    seen: list[tuple[int, float]] = []
    targets = np.array([[1.0], [0.0]] * 4, np.float32)
    fit(blocks([[1], [2]] * 4), targets, np.ones(8, np.float32), loss="softmax", iterations=3, report=lambda done, loss: seen.append((done, loss)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] < seen[0][1]
