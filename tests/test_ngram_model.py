"""The language model that only counts, beside its definition."""

from collections import Counter

import numpy as np
import pytest

from slmcli.ngram_model import NgramModel
from slmcli.token_windows import judging_windows, pack
from slmcli.tokenizers.base import END_ID

SIZE = 6
TEXT = np.random.default_rng(0).integers(0, 5, 300).astype(np.int32)


class Defined:
    """Interpolated Kneser-Ney as it is defined, with sums over all n-grams for every question."""

    def __init__(self, order: int) -> None:
        grams = {length: [tuple(TEXT[start : start + length].tolist()) for start in range(len(TEXT) - length + 1)] for length in range(1, order + 1)}
        self.counts = {length: Counter(gram[1:] for gram in set(grams[length + 1])) for length in range(1, order)} | {order: Counter(grams[order])}

    def chance(self, token: int, context: tuple[int, ...]) -> float:
        counts = self.counts[len(context) + 1]
        shorter = self.chance(token, context[1:]) if context else 1.0 / SIZE
        once, twice = (max(1, sum(count == number for count in counts.values())) for number in (1, 2))
        discount = once / (once + 2 * twice)
        seen = [count for gram, count in counts.items() if gram[:-1] == context]
        if not seen:
            return shorter
        own = counts[(*context, token)]
        left = sum(min(count, discount) for count in seen)
        return max(own - discount, 0.0) / sum(seen) + left / sum(seen) * shorter


@pytest.mark.parametrize("order", [1, 2, 3])
def test_chances_are_those_of_the_definition(order: int) -> None:
    generator = np.random.default_rng(1)
    inputs, targets = generator.integers(0, SIZE, (2, 4, 12))  # targets need not be the inputs that follow
    model = Defined(order)
    expected = np.zeros(targets.shape)
    for row, column in np.ndindex(targets.shape):
        before = tuple(inputs[row, : column + 1].tolist())
        expected[row, column] = -np.log(model.chance(int(targets[row, column]), before[max(0, len(before) - order + 1) :]))
    np.testing.assert_allclose(NgramModel(TEXT, SIZE, order=order).costs(inputs, targets), expected, rtol=1e-12)


def test_chances_of_all_tokens_add_up_to_one() -> None:
    model = NgramModel(TEXT, SIZE, order=4)
    costs = model.costs(np.tile([2, 3, 1], (SIZE, 1)), np.stack([np.array([3, 1, token]) for token in range(SIZE)]))
    assert np.exp(-costs[:, -1]).sum() == pytest.approx(1.0)


def test_a_token_that_was_never_seen_has_a_chance() -> None:
    assert np.isfinite(NgramModel(TEXT, SIZE, order=3).costs(np.array([[5, 5, 5]]), np.array([[5, 5, 0]]))).all()


def test_a_text_of_one_token_is_enough() -> None:
    costs = NgramModel(np.array([3]), SIZE, order=5).costs(np.array([[0, 3]]), np.array([[3, 3]]))
    assert np.isfinite(costs).all()


def test_a_document_behind_a_gap_costs_what_it_costs_alone() -> None:
    documents = [np.array([7, 8, 9, 7], np.int32), np.array([8, 8, 9], np.int32), np.array([9, 7, 8], np.int32)]
    model = NgramModel(pack(documents, range(3), gap=0), 10, order=4)
    ((inputs, targets, weights),) = judging_windows(documents, rows=1, context=32, gap=5, is_carried=False)
    together = model.costs(inputs, np.where(weights > 0, targets, -1))[weights > 0]
    alone = [model.costs(np.array([[END_ID, *document]]), np.array([[*document, END_ID]]))[0] for document in documents]
    np.testing.assert_allclose(together, np.concatenate(alone))
