from pathlib import Path

import numpy as np
import pytest

from slmcli.bundle import open_bundle
from slmcli.whole_words import DividedText
from slmcli.word_shares import knows_a_word, share, tokens_of

TEXT = DividedText("lovely soup", ((0, 6), (7, 11)))


def test_the_pieces_of_a_word_are_added_up() -> None:
    weights, rest = share(np.array([1.0, 2.0, 4.0]), [(0, 3), (3, 6), (7, 11)], TEXT)
    assert (weights.tolist(), rest) == ([3.0, 4.0], 0.0)


def test_what_two_words_are_made_of_is_shared_equally() -> None:
    assert share(np.array([3.0]), [(3, 9)], TEXT)[0].tolist() == [1.5, 1.5]


def test_what_stands_beside_words_is_the_rest() -> None:
    weights, rest = share(np.array([5.0, 1.0]), [(6, 7), (11, 11)], TEXT)
    assert (weights.tolist(), rest) == ([0.0, 0.0], 6.0)


def test_only_the_tokens_that_a_model_reads_are_returned(run: Path) -> None:
    token_ids, offsets = tokens_of("warm " * 40, open_bundle(run))
    assert (token_ids.shape, len(offsets), offsets[1]) == ((16,), 16, (5, 9))


@pytest.mark.parametrize(
    ("text", "expected"), [("the soup", True), ("zxqv soup", True), ("zxqv", False), ("房间", False), ("", False), ("!!!", False), ("zxqv!", False)]
)
def test_a_known_word_is_one_of_the_vocabulary(text: str, expected: bool, run: Path) -> None:
    assert knows_a_word(text, open_bundle(run)) == expected
