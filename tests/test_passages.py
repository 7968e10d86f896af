import numpy as np
import pytest

from slmcli.passages import PassageBatch, Passages, PassageSettings


def passages_of(documents: list[list[int]], *, vocab: int = 400, **settings: float) -> Passages:
    arrays = [np.array(document, np.int32) for document in documents]
    counts = np.bincount(np.concatenate(arrays), minlength=vocab)
    return Passages(arrays, counts, PassageSettings(**{"length": 8, "sample": 0.0, "pairs": 3, **settings}))  # type: ignore[arg-type]


def pairs_of(passages: Passages, *, epoch: int = 0, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    """Return what is read and what is to be predicted, pair by pair."""
    found = []
    for batch in passages.draw(epoch, seed=seed).batches():
        for pair in range(passages.settings.pairs):
            read, predicted = batch.input_ids[batch.readers == pair].tolist(), batch.target_ids[batch.targets == pair].tolist()
            if read or predicted:
                found.append((read, predicted))
    return found


def test_the_two_passages_of_a_pair_are_neighbours_and_together_a_stretch() -> None:
    documents = [list(range(10, 18)), list(range(20, 27)), list(range(30, 33)), [40, 41]]
    pairs = pairs_of(passages_of(documents))
    assert all(read and predicted for read, predicted in pairs)
    assert sorted(sorted(read + predicted) for read, predicted in pairs) == documents
    assert all(read == sorted(read) and predicted == sorted(predicted) for read, predicted in pairs)
    assert all(max(read) < min(predicted) or max(predicted) < min(read) for read, predicted in pairs)


def test_a_long_text_is_divided_into_stretches_of_about_equal_length() -> None:
    text = list(range(10, 31))  # 21 tokens: three stretches of at most 8
    pairs = pairs_of(passages_of([text, [50, 51]]))
    stretches = sorted(sorted(read + predicted) for read, predicted in pairs)
    assert stretches == [list(range(10, 17)), list(range(17, 24)), list(range(24, 31)), [50, 51]]


@pytest.mark.parametrize("length", range(2, 40))
def test_no_stretch_is_longer_than_asked_for_or_has_no_two_passages(length: int) -> None:
    passages = passages_of([list(range(10, 10 + length)), [60, 61, 62]], length=5)
    lengths = passages.stops - passages.starts
    assert lengths.min() >= 2
    assert lengths.max() <= 5
    assert lengths.sum() == length + 3


def test_texts_of_one_token_are_left_out() -> None:
    assert pairs_of(passages_of([[10], [11, 12], [13]])) in ([([11], [12])], [([12], [11])])


def test_nothing_is_drawn_where_no_text_has_two_tokens() -> None:
    epoch = passages_of([[10], [11]]).draw(0, seed=0)
    assert len(epoch) == 0
    assert list(epoch.batches()) == []


def test_each_side_is_read_and_cuts_change_from_epoch_to_epoch() -> None:
    passages = passages_of([list(range(10, 18))] * 20, length=8)
    pairs = [pair for epoch in range(3) for pair in pairs_of(passages, epoch=epoch)]
    assert {read[0] == 10 for read, _ in pairs} == {True, False}
    sizes = {len(read) for read, _ in pairs}
    assert sizes == {2, 3, 4, 5, 6}  # cut between a quarter and three quarters of 8


def test_an_epoch_follows_from_seed_and_number_alone() -> None:
    passages = passages_of([list(range(start, start + 9)) for start in range(10, 90, 10)])
    assert pairs_of(passages, epoch=2, seed=5) == pairs_of(passages, epoch=2, seed=5)
    assert pairs_of(passages, epoch=2, seed=5) != pairs_of(passages, epoch=3, seed=5)
    assert pairs_of(passages, epoch=2, seed=5) != pairs_of(passages, epoch=2, seed=6)


def equal(one: PassageBatch, other: PassageBatch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip([*one[:2], *one[2], *one[3:]], [*other[:2], *other[2], *other[3:]], strict=True))


def test_going_on_in_the_middle_of_an_epoch_gives_the_same_batches() -> None:
    epoch = passages_of([list(range(start, start + 9)) for start in range(10, 90, 10)], sample=0.01).draw(1, seed=0)
    batches = list(epoch.batches())
    assert len(batches) == len(epoch) == 6
    later = list(epoch.batches(4))
    assert len(later) == 2
    assert all(map(equal, batches[4:], later))


def test_rows_are_those_of_the_tokens_that_are_read() -> None:
    batch = passages_of([[10, 11, 10, 12, 10, 11, 13, 13]] * 3).draw(0, seed=0).batch(0)
    rows = batch.inputs
    assert rows.rows.tolist() == sorted(set(batch.input_ids.tolist()))
    np.testing.assert_array_equal(rows.rows[rows.segments], batch.input_ids[rows.order])


def test_frequent_tokens_are_left_out_on_both_sides() -> None:
    passages = passages_of([[10, 11] * 500] * 9 + [list(range(100, 200))], length=200, sample=0.01)
    keep = passages.keep[[10, 150]]
    tokens = np.concatenate([[*read, *predicted] for read, predicted in pairs_of(passages)]).astype(int)
    counts = np.bincount(tokens, minlength=200)
    assert keep[0] < 0.2
    np.testing.assert_allclose(counts[[10, 11]], 4500 * keep[0], rtol=0.1)
    assert counts[100:200].sum() == 100  # rare ones all stay
    assert keep[1] == 1.0
