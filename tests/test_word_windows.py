import numpy as np
import pytest

from slmcli.character_ngrams import CharacterNgrams
from slmcli.tokenizers.base import END_ID, UNKNOWN_ID
from slmcli.word_windows import (
    Batch,
    WindowSettings,
    WordWindows,
    keep_probabilities,
    mean_table,
    noise_shares,
    rows_of,
    weight_table,
    window_table,
)

TINY = WindowSettings(window=2, negative=3, sample=0.0, block=4, noise=2, blocks=3)
CBOW = WindowSettings(objective="cbow", window=2, negative=3, sample=0.0, block=4, noise=2, blocks=3)


def windows_of(documents: list[list[int]], settings: WindowSettings = TINY, *, vocab: int = 40, ngrams: CharacterNgrams | None = None) -> WordWindows:
    token_ids = np.array([token for document in documents for token in [*document, END_ID]], np.int32)
    return WordWindows(token_ids, np.bincount(token_ids, minlength=vocab), settings, ngrams=ngrams)


def pairs_of(batch: Batch, settings: WindowSettings = TINY) -> set[tuple[int, int]]:
    """Return the pairs of tokens of a skip-gram batch that have a weight, noise left aside."""
    weights = weight_table(settings)[batch.reaches]
    block, place, output = np.nonzero(weights[:, :, : -settings.noise])
    return set(zip(batch.input_ids[block, place].tolist(), batch.output_ids[block, output].tolist(), strict=True))


def all_pairs(windows: WordWindows, *, epochs: int = 8) -> set[tuple[int, int]]:
    return {pair for epoch in range(epochs) for batch in windows.draw(epoch, seed=0).batches() for pair in pairs_of(batch)}


def test_frequent_tokens_stay_with_the_probability_of_the_formula() -> None:
    counts = np.array([9, 9, 9, 9, 9, 9, 96, 3, 1, 0])  # shares 0.96, 0.03, 0.01 of the words
    expected = [np.sqrt(0.01 / 0.96) + 0.01 / 0.96, np.sqrt(1 / 3) + 1 / 3, 1.0, 0.0]
    np.testing.assert_allclose(keep_probabilities(counts, 0.01), [0.0] * 6 + expected, rtol=1e-6)


def test_without_sampling_all_words_stay() -> None:
    np.testing.assert_array_equal(keep_probabilities(np.array([1, 1, 1, 1, 1, 1, 5, 0]), 0.0), [0, 0, 0, 0, 0, 0, 1, 0])


def test_so_many_stay_as_expected() -> None:
    windows = windows_of([[6] * 9000 + [7] * 1000], WindowSettings(sample=0.1))
    counts = np.zeros(8)
    for batch in windows.draw(0, seed=0).batches():
        counts += np.bincount(batch.input_ids.ravel(), minlength=8)
    expected = 9000 * (np.sqrt(0.1 / 0.9) + 0.1 / 0.9), 1000
    np.testing.assert_allclose(counts[6:], expected, rtol=0.03)


def test_noise_has_the_shares_of_the_formula() -> None:
    counts = np.array([9, 9, 9, 9, 9, 9, 16, 81, 0, 1])
    np.testing.assert_allclose(noise_shares(counts), np.array([0] * 6 + [8, 27, 0, 1]) / 36, rtol=1e-12)


def test_noise_is_drawn_with_these_shares() -> None:
    windows = windows_of([[6] * 16, [7] * 81, [9]], vocab=11)
    drawn = np.bincount(windows.draw_noise(np.random.default_rng(0), (300, 100)).ravel(), minlength=11) / 30_000
    np.testing.assert_allclose(drawn, np.array([0] * 6 + [8, 27, 0, 1, 0]) / 36, atol=0.01)


def test_windows_reach_so_far_and_not_farther() -> None:
    document = list(range(6, 30))
    expected = {(here, there) for here in document for there in document if 0 < abs(here - there) <= 2}
    assert all_pairs(windows_of([document])) == expected


def test_windows_never_cross_documents() -> None:
    pairs = all_pairs(windows_of([[6, 7, 8], [9, 10], [11], [12, 13, 14, 15, 16]]))
    document = {token: number for number, tokens in enumerate([[6, 7, 8], [9, 10], [11], [12, 13, 14, 15, 16]]) for token in tokens}
    assert {token for pair in pairs for token in pair} == set(document) - {11}
    assert all(document[here] == document[there] for here, there in pairs)


def test_special_tokens_are_left_out_before_windows_are_laid() -> None:
    pairs = all_pairs(windows_of([[6, UNKNOWN_ID, 7, UNKNOWN_ID, UNKNOWN_ID, 8]]))
    assert pairs == {(6, 7), (7, 6), (7, 8), (8, 7), (6, 8), (8, 6)}


def test_the_reach_is_drawn_for_each_token() -> None:
    batch = windows_of([[6, 7, 8, 9, 10] * 200], WindowSettings(window=4, sample=0.0, block=25, noise=1, blocks=40)).draw(0, seed=0).batch(0)
    inside = np.arange(25) == 12  # far from the ends of the text in all but two blocks
    sizes = window_table(WindowSettings(window=4, block=25))[batch.reaches[:, inside]].sum(axis=-1).ravel()
    assert set(sizes) == {2, 4, 6, 8}


def test_every_token_is_in_one_batch_of_an_epoch() -> None:
    document = list(range(6, 37))
    batches = list(windows_of([document]).draw(3, seed=1).batches())
    seen = np.sort(np.concatenate([batch.input_ids.ravel() for batch in batches]))
    assert len(batches) == 3  # 8 blocks, 3 in a batch
    np.testing.assert_array_equal(seen[seen > 0], document)


@pytest.mark.parametrize("documents", [[], [[]], [[UNKNOWN_ID]]])
def test_a_text_without_words_has_no_batches(documents: list[list[int]]) -> None:
    assert not list(windows_of(documents).draw(0, seed=0).batches())


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    documents = [list(range(6, 36))] * 3
    one, same, later, other = (
        [batch.output_ids for batch in windows_of(documents).draw(epoch, seed=seed).batches()] for epoch, seed in [(2, 7), (2, 7), (3, 7), (2, 8)]
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, later)
    assert not np.array_equal(one, other)


def test_leaving_out_the_first_batches_changes_no_other() -> None:
    windows = windows_of([list(range(6, 36))] * 3)
    batches = list(windows.draw(0, seed=0).batches())
    rest = list(windows.draw(0, seed=0).batches(2))
    assert len(rest) == len(batches) - 2
    np.testing.assert_array_equal([batch.output_ids for batch in rest], [batch.output_ids for batch in batches[2:]])
    np.testing.assert_array_equal([batch.reaches for batch in rest], [batch.reaches for batch in batches[2:]])


def test_text_read_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [[6, 7, 8] * 5, [9, 10] * 4, [11] * 9]
    settings = WindowSettings(window=2, sample=0.05, block=4, noise=2, blocks=3)
    whole = windows_of(documents, settings).draw(0, seed=0).batch(0)
    monkeypatch.setattr("slmcli.word_windows._CHUNK", 7)
    parts = windows_of(documents, settings).draw(0, seed=0).batch(0)
    np.testing.assert_array_equal(whole.input_ids, parts.input_ids)
    np.testing.assert_array_equal(whole.reaches, parts.reaches)


def test_cbow_reads_the_window_and_predicts_the_block() -> None:
    batch = windows_of([list(range(6, 36))], CBOW).draw(0, seed=0).batch(0)
    assert batch.input_ids.shape == (3, 8)
    np.testing.assert_array_equal(batch.output_ids[:, :4], batch.input_ids[:, 2:-2])


def test_rows_are_sums_by_row() -> None:
    ids = np.array([7, 3, 7, 0, 3, 7], np.int32)
    rows = rows_of(ids)
    np.testing.assert_array_equal(rows.rows, [0, 3, 7])
    np.testing.assert_array_equal(rows.order, [3, 1, 4, 0, 2, 5])
    np.testing.assert_array_equal(rows.rows[rows.segments], ids[rows.order])


def test_a_window_of_the_table_reaches_to_the_left_and_right() -> None:
    table = window_table(TINY).reshape(4, 3, 3, 8)  # token, left, right, context
    np.testing.assert_array_equal(table[1, 2, 1], [0, 1, 1, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(table[3, 0, 2], [0, 0, 0, 0, 0, 0, 1, 1])


def test_noise_weighs_as_many_times_as_is_predicted() -> None:
    weights = weight_table(TINY).reshape(4, 3, 3, 10)
    np.testing.assert_allclose(weights[1, 2, 1, 8:].sum(), 3 * 3)
    assert not weights[:, 0, 0].any()


def test_cbow_predicts_the_token_of_a_window_that_is_not_empty() -> None:
    weights = weight_table(CBOW).reshape(4, 3, 3, 6)
    np.testing.assert_allclose(weights[2, 1, 2], [0, 0, 1, 0, 1.5, 1.5])
    assert not weights[:, 0, 0].any()


def test_shares_of_a_mean_add_up_to_one() -> None:
    table = mean_table(CBOW).reshape(4, 3, 3, 8)
    np.testing.assert_allclose(table[1, 2, 1], np.array([0, 1, 1, 0, 1, 0, 0, 0]) / 3, rtol=1e-6)
    assert not table[:, 0, 0].any()


def test_ngrams_of_the_rows_of_a_batch() -> None:
    # token 6 has n-grams 0 and 1, token 7 has 1 and 2, token 8 none, token 9 has 2
    ngrams = CharacterNgrams(np.array([0, 1, 1, 2, 2], np.int32), np.array([0] * 7 + [2, 4, 4, 5]))
    windows = windows_of([[6, 7, 8, 9]], vocab=10, ngrams=ngrams)
    (found,) = windows.subwords_of(rows_of(np.array([9, 6, 8, 9], np.int32)), (2, 2))
    np.testing.assert_array_equal(found.places, [[2, 0], [1, 2]])
    np.testing.assert_array_equal(found.ngrams, [0, 1, 2])
    np.testing.assert_array_equal(found.owners, [0, 0, 2])
    np.testing.assert_array_equal(found.rows.rows, [0, 1, 2])
    np.testing.assert_array_equal(found.rows.order, [0, 0, 2])
