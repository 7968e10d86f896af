"""Splits and repeats, worked by hand."""

import numpy as np
import pytest

from slmcli.dividing import NOWHERE, TEST, TRAIN, VALIDATION, Survey, deal, divide, find_repeats, is_in_train, mix


def corpus(texts: list[str], splits: list[int] | None = None, labels: list[int] | None = None, raw: list[str] | None = None) -> Survey:
    """Return a survey in which equal texts have equal keys."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys([*texts, *(raw or [])]), 1)}
    keys = np.array([numbers[text] for text in texts], np.uint64)
    return Survey(
        keys=keys,
        raw=np.array([numbers[text] for text in raw], np.uint64) if raw else keys,
        splits=np.array(splits or [TRAIN] * len(texts), np.uint8),
        strata=np.array(labels or [1] * len(texts), np.int32),
        has_text=np.array([bool(text) for text in texts]),
        names=["", "good", "bad"],
        tokens=len(texts),
    )


def test_each_label_gives_its_share() -> None:
    found = corpus([str(number) for number in range(200)], labels=[1] * 150 + [2] * 50)
    splits = divide(found, {VALIDATION: 0.1, TEST: 0.2}, seed=0)
    assert [int(((splits == split) & (found.strata == label)).sum()) for split in (VALIDATION, TEST) for label in (1, 2)] == [15, 5, 30, 10]


def test_repeated_texts_stay_on_one_side() -> None:
    found = corpus([str(number % 40) for number in range(400)])
    splits = divide(found, {TEST: 0.3}, seed=1)
    assert all(len(set(splits[number::40])) == 1 for number in range(40))
    assert 100 <= (splits == TEST).sum() <= 130


def test_a_text_with_two_labels_stays_on_one_side() -> None:
    found = corpus([str(number % 100) for number in range(200)], labels=[1] * 100 + [2] * 100)
    splits = divide(found, {TEST: 0.5}, seed=0)
    assert (splits[:100] == splits[100:]).all()


def test_the_order_of_examples_does_not_change_their_split() -> None:
    texts = [str(number) for number in range(100)]
    found = corpus(texts)
    backwards = Survey(**{**vars(found), "keys": found.keys[::-1], "raw": found.raw[::-1]})
    assert (divide(found, {TEST: 0.25}, seed=3) == divide(backwards, {TEST: 0.25}, seed=3)[::-1]).all()


def test_another_seed_chooses_others() -> None:
    found = corpus([str(number) for number in range(100)])
    assert (divide(found, {TEST: 0.25}, seed=0) != divide(found, {TEST: 0.25}, seed=1)).any()


def test_given_splits_are_not_touched() -> None:
    found = corpus(["a", "b", "c", "d"], splits=[TRAIN, TRAIN, VALIDATION, TEST])
    assert divide(found, {VALIDATION: 0.0, TEST: 0.0}, seed=0).tolist() == [TRAIN, TRAIN, VALIDATION, TEST]


@pytest.mark.parametrize("count", [0, 1])
def test_tiny_corpora_can_be_divided(count: int) -> None:
    assert divide(corpus(["a"] * count), {TEST: 0.1}, seed=0).tolist() == [TRAIN] * count


def test_repeats_are_exact_or_normalised() -> None:
    found = corpus(["a", "a", "a", "b"], raw=["A", "A", "a!", "b"])
    repeats = find_repeats(found, found.splits)
    assert (repeats.exact[TRAIN].rows, repeats.normalised[TRAIN].rows) == ([1], [2])


def test_a_text_in_two_splits_is_an_overlap() -> None:
    found = corpus(["a", "b", "a", "a", "c"], splits=[TRAIN, TRAIN, TEST, TEST, TEST])
    repeats = find_repeats(found, found.splits)
    assert (repeats.overlap[TRAIN, TEST].rows, repeats.exact[TEST].count) == ([2, 3], 0)


def test_a_repeat_inside_the_test_split_is_no_overlap() -> None:
    found = corpus(["a", "b", "b"], splits=[TRAIN, TEST, TEST])
    repeats = find_repeats(found, found.splits)
    assert (dict(repeats.overlap), repeats.exact[TEST].rows) == ({}, [2])


def test_texts_with_two_labels_are_found() -> None:
    found = corpus(["a", "a", "a", "b"], labels=[1, 2, 1, 2])
    assert find_repeats(found, found.splits).conflicting.rows == [1]


def test_unlabelled_repeats_are_no_conflict() -> None:
    found = corpus(["a", "a"], labels=[0, 1])
    assert find_repeats(found, found.splits).conflicting.count == 0


def test_texts_outside_all_splits_and_empty_ones_do_not_count() -> None:
    found = corpus(["a", "a", "", ""], splits=[TRAIN, NOWHERE, TRAIN, TRAIN])
    assert find_repeats(found, found.splits).exact[TRAIN].count == 0


def test_overlap_can_be_dropped() -> None:
    found = corpus(["a", "b", "a", "c"], splits=[TRAIN, TRAIN, TEST, TEST])
    assert is_in_train(found, found.splits).tolist() == [False, False, True, False]


def test_mixing_is_splitmix64() -> None:
    # the first output of SplitMix64 seeded with 0
    assert mix(np.zeros(1, np.uint64)).tolist() == [0xE220A8397B1DCDAF]


def deal_texts(texts: list[str], parts: int, labels: list[int] | None = None, seed: int = 0) -> np.ndarray:
    found = corpus(texts, labels=labels)
    return deal(found.keys, found.strata, parts, seed=seed)


def test_dealt_parts_have_one_size_and_their_share_of_each_label() -> None:
    labels = [1] * 63 + [2] * 20 + [3] * 4
    dealt = deal_texts([str(number) for number in range(87)], 5, labels=labels)
    assert sorted(np.bincount(dealt).tolist()) == [17, 17, 17, 18, 18]
    assert sorted(np.bincount(dealt[63:83], minlength=5).tolist()) == [4] * 5
    assert sorted(np.bincount(dealt[83:], minlength=5).tolist()) == [0, 1, 1, 1, 1]


def test_repeats_are_dealt_to_one_part() -> None:
    dealt = deal_texts([str(number % 40) for number in range(120)], 3)
    assert (dealt[:40] == dealt[40:80]).all()
    assert (dealt[:40] == dealt[80:]).all()


def test_one_text_that_repeats_often_takes_the_place_of_one() -> None:
    dealt = deal_texts(["same"] * 10 + [str(number) for number in range(89)], 10)
    assert np.bincount(dealt[9:]).tolist() == [9] * 10


def test_what_is_dealt_depends_on_texts_and_seed_alone() -> None:
    texts = [str(number) for number in range(50)]
    found = corpus(texts)
    backwards = deal(found.keys[::-1], found.strata[::-1], 4, seed=2)[::-1]
    assert (deal_texts(texts, 4, seed=2) == backwards).all()
    assert (deal_texts(texts, 4, seed=2) != deal_texts(texts, 4, seed=3)).any()


def test_nothing_can_be_dealt() -> None:
    assert len(deal(np.zeros(0, np.uint64), np.zeros(0, np.int32), 3, seed=0)) == 0
