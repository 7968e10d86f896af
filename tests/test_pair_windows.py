"""Rows of two passages: what they look like, where each is from, and what they depend on."""

from itertools import islice

import numpy as np
import pytest

from slmcli.errors import DataError
from slmcli.pair_windows import PairWindows
from slmcli.token_windows import Window
from slmcli.tokenizers.base import END_ID, PADDING_ID, SEPARATOR_ID

# every token occurs once, so that it tells from which document it is, and where it stood
LENGTHS = (40, 25, 3, 2, 1)
DOCUMENTS = [np.arange(100 * place, 100 * place + length, dtype=np.int32) + 100 for place, length in enumerate(LENGTHS)]
CONTEXT, PASSAGE = 16, 7


def make(documents: list[np.ndarray] | None = None, *, rows: int = 64, context: int = CONTEXT, seed: int = 5) -> PairWindows:
    return PairWindows(DOCUMENTS if documents is None else documents, rows, context, seed)


def take(windows: PairWindows, steps: int, *, first_step: int = 0) -> list[Window]:
    return list(islice(windows.batches(first_step), steps))


def passages(steps: int = 20) -> list[tuple[list[int], list[int], int]]:
    """Return both passages of each row, and whether the second is said to follow."""
    found = []
    for inputs, targets, _ in take(make(), steps):
        for row, target in zip(inputs.tolist(), targets.tolist(), strict=True):
            middle, end = row.index(SEPARATOR_ID), (row.index(PADDING_ID) if PADDING_ID in row else len(row))
            found.append((row[1:middle], row[middle + 1 : end], target[0]))
    return found


PASSAGES = passages()


def test_a_row_is_a_mark_and_two_passages_with_a_mark_between() -> None:
    inputs, _, _ = take(make(), 1)[0]
    assert inputs.shape == (64, CONTEXT)
    assert inputs.dtype == np.int32
    assert (inputs[:, 0] == END_ID).all()
    assert ((inputs == SEPARATOR_ID).sum(axis=1) == 1).all()
    assert ((inputs == END_ID).sum(axis=1) == 1).all()


def test_padding_stands_at_the_end_alone_and_does_not_count() -> None:
    inputs, _, weights = take(make(), 1)[0]
    is_real = inputs != PADDING_ID
    assert (np.diff(is_real.astype(int), axis=1) <= 0).all()
    np.testing.assert_array_equal(weights, is_real.astype(np.float32))


def test_targets_are_the_tokens_themselves_behind_the_answer() -> None:
    inputs, targets, _ = take(make(), 1)[0]
    np.testing.assert_array_equal(targets[:, 1:], inputs[:, 1:])
    assert set(targets[:, 0].tolist()) == {0, 1}


def test_neither_passage_is_empty_or_too_long() -> None:
    lengths = [(len(first), len(second)) for first, second, _ in PASSAGES]
    assert min(map(min, lengths)) == 1
    assert max(map(max, lengths)) == PASSAGE


@pytest.mark.parametrize("context", [16, 17])
def test_a_row_of_any_length_has_room_for_both(context: int) -> None:
    inputs, _, _ = take(make(context=context), 1)[0]
    assert (inputs != PADDING_ID).sum(axis=1).max() == 2 + 2 * PASSAGE


def test_half_of_the_second_passages_follow() -> None:
    # 1,280 rows: a standard deviation of 0.014
    assert np.mean([answer for _, _, answer in PASSAGES]) == pytest.approx(0.5, abs=0.06)


def test_a_passage_is_a_part_of_a_document() -> None:
    assert all(np.diff(passage).tolist() == [1] * (len(passage) - 1) for first, second, _ in PASSAGES for passage in (first, second))


def test_what_is_said_to_follow_stands_behind_the_first_passage() -> None:
    assert all(second[0] == first[-1] + 1 for first, second, answer in PASSAGES if answer)


def test_what_does_not_follow_is_from_another_document() -> None:
    assert all(first[0] // 100 != second[0] // 100 for first, second, answer in PASSAGES if not answer)


def test_every_document_of_two_tokens_gives_both_passages() -> None:
    owners = [{passage[0] // 100 for passage in column} for column in list(zip(*PASSAGES, strict=True))[:2]]
    assert owners == [{1, 2, 3, 4}] * 2


def test_long_documents_are_read_more_often() -> None:
    owners = np.bincount([first[0] // 100 for first, _, _ in PASSAGES])
    # 40 and 25 of 70 tokens, of 1,280 rows: a standard deviation of 0.014
    assert owners[1] / len(PASSAGES) == pytest.approx(40 / 70, abs=0.06)
    assert owners[2] / len(PASSAGES) == pytest.approx(25 / 70, abs=0.06)


def test_a_step_is_the_same_however_many_came_before() -> None:
    whole = take(make(), 5)
    for one, other in zip(whole[3:], take(make(), 2, first_step=3), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_steps_and_seeds_differ() -> None:
    (first, _, _), (second, _, _) = take(make(), 2)
    assert (first != second).any()
    assert (first != take(make(seed=6), 1)[0][0]).any()


@pytest.mark.parametrize(("rows", "steps"), [(1, 4), (2, 2), (64, 1)])
def test_an_epoch_has_about_as_many_tokens_as_the_documents(rows: int, steps: int) -> None:
    # 71 tokens in rows of 16
    assert make(rows=rows).steps_per_epoch == steps


@pytest.mark.parametrize("documents", [[], DOCUMENTS[:1], [DOCUMENTS[0], DOCUMENTS[4]]], ids=["none", "one", "one of a single token"])
def test_too_few_documents_are_refused(documents: list[np.ndarray]) -> None:
    said = r"ds has fewer than two documents of two tokens, so that none can be .*--document line or paragraph\), or pass --objective masked-lm"
    with pytest.raises(DataError, match=said):
        make(documents).check("ds")
    assert make(documents).steps_per_epoch == 0


def test_two_documents_of_two_tokens_are_enough() -> None:
    documents = [DOCUMENTS[3], DOCUMENTS[3] + 100]
    make(documents).check("ds")
    inputs, _, _ = take(make(documents), 1)[0]
    # a mark, one token, a mark, one or two tokens
    assert set((inputs != PADDING_ID).sum(axis=1).tolist()) == {4, 5}
