"""N-grams: of words and of characters inside words, hashed, counted in the training split, the frequent ones kept."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.config import PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError, DataError
from slmcli.ngrams import BUCKETS, SUBWORD_BUCKETS_START, NgramForm, NgramVocabulary, PretokenHashes, choose_form, count_buckets
from slmcli.preprocessing import preprocess


def buckets(*pretokens: str, order: int = 2, subwords: bool = False) -> np.ndarray:
    return PretokenHashes.of(pretokens, subwords=subwords).buckets(np.arange(len(pretokens)), order)


def vocabulary(*texts: list[str], order: int = 2, subwords: bool = False, size: int = 1000, min_frequency: int = 1) -> NgramVocabulary:
    counts = np.zeros(BUCKETS, np.uint32)
    found, frequencies = count_buckets(buckets(*text, order=order, subwords=subwords) for text in texts)
    counts[found] = frequencies
    return NgramVocabulary.build(counts, NgramForm(order, subwords), size=size, min_frequency=min_frequency)


@given(length=st.integers(1, 12), order=st.integers(1, 5))
@settings(deadline=None, derandomize=True)
def test_a_text_has_every_ngram_of_every_size_and_its_ends(length: int, order: int) -> None:
    # two marks stand around the text; alone they are no n-gram
    expected = length + sum(max(0, length + 2 - size + 1) for size in range(2, order + 1))
    assert len(buckets(*map(str, range(length)), order=order)) == expected


def test_the_order_of_words_matters() -> None:
    assert set(buckets("a", "b")) != set(buckets("b", "a"))


def test_the_first_word_differs_from_the_same_word_later() -> None:
    first, later = set(buckets("who", "came")), set(buckets("he", "who", "came"))
    assert len(first & later) == 4  # who, came, who came, came at the end


def test_a_repeated_ngram_counts_once() -> None:
    assert set(buckets("a", "a", "a", "a")) == set(buckets("a", "a", "a"))


def test_a_text_without_words_has_no_ngrams() -> None:
    assert buckets().tolist() == []


def test_different_pairs_rarely_share_a_bucket() -> None:
    pairs = {int(bucket) for i in range(100) for bucket in buckets(*(f"{i} {j}" for j in range(100)))}
    assert len(pairs) > 0.998 * (100 * 100 + 100 * 101)


def test_characters_inside_a_word_are_counted_with_its_ends() -> None:
    # <cat>: <ca cat at> <cat cat> <cat>
    assert len(buckets("cat", order=1, subwords=True)) == 1 + 6


def test_words_with_the_same_ending_share_buckets() -> None:
    shared = set(buckets("walking", order=1, subwords=True)) & set(buckets("talking", order=1, subwords=True))
    # alk lki kin ing ng> alki lkin king ing> alkin lking king>
    assert len(shared) == 12


def test_a_single_character_has_no_characters_inside() -> None:
    assert (buckets("好", order=1, subwords=True) < SUBWORD_BUCKETS_START).all()


def test_a_word_is_not_its_own_middle() -> None:
    assert not set(buckets("ing", order=1)) & set(buckets("sing", order=1, subwords=True))


def test_ngrams_of_words_have_the_lower_ids() -> None:
    found = vocabulary(["good", "day"], subwords=True)
    assert (found.words, len(found)) == (5, 5 + 2 * 0 + len(set(buckets("good", "day", order=1, subwords=True))) - 2)


def test_ids_rise_and_begin_with_1() -> None:
    assert vocabulary(["a", "b"]).encode(["a", "b"]).tolist() == [1, 2, 3, 4, 5]


def test_an_ngram_never_counted_has_no_id() -> None:
    assert len(vocabulary(["a", "b"]).encode(["b", "a"])) == 2


def test_an_ngram_of_too_few_texts_has_no_id() -> None:
    assert vocabulary(["a", "a", "a"], ["b"], min_frequency=2).encode(["a"]).tolist() == []


def test_no_more_ngrams_are_kept_than_asked_for() -> None:
    assert len(vocabulary(list(map(str, range(50))), size=20)) == 20


def test_the_most_frequent_ngrams_are_kept() -> None:
    assert len(vocabulary(["a"], ["a"], ["b"], size=3).encode(["a"])) == 3


def test_an_empty_vocabulary_knows_no_ngram() -> None:
    assert vocabulary().encode(["a", "b"]).tolist() == []


def test_a_saved_vocabulary_gives_the_same_ids() -> None:
    found = vocabulary([f"word{number}" for number in range(50)], order=3, subwords=True)
    again = NgramVocabulary.from_json(json.loads(json.dumps(found.to_json())), "ngrams.json")
    text = ["word3", "word4", "other"]
    assert (again.encode(text).tolist(), again.fingerprint) == (found.encode(text).tolist(), found.fingerprint)


def test_a_damaged_file_is_named() -> None:
    document = {**vocabulary(["a"]).to_json(), "bucket_steps": "!"}
    with pytest.raises(DataError, match=r"ngrams\.json is not a complete list of n-grams .* make it again"):
        NgramVocabulary.from_json(document, "ngrams.json")


def test_a_file_of_an_older_release_is_refused() -> None:
    with pytest.raises(DataError, match=r"format_version 1, of a release before 2\. Make the dataset again"):
        NgramVocabulary.from_json({"format_version": 1, "order": 2, "buckets": []}, "ngrams.json")


@pytest.mark.parametrize(
    ("mean_length", "mean_bytes", "expected"),
    [(230, 5.5, NgramForm(3, False)), (12, 5.5, NgramForm(2, True)), (60, 3.0, NgramForm(3, True))],
    ids=["long texts", "short texts", "Han characters"],
)
def test_the_form_is_chosen_by_the_texts(mean_length: float, mean_bytes: float, expected: NgramForm) -> None:
    assert choose_form(PreprocessSettings(), takes_ngrams=True, mean_length=mean_length, mean_bytes=mean_bytes) == expected


@pytest.mark.parametrize("values", [{"takes_ngrams": False}, {"ngrams": 0}], ids=["task", "asked for"])
def test_a_corpus_can_have_no_ngrams(values: dict[str, int]) -> None:
    wanted = PreprocessSettings(**{name: value for name, value in values.items() if name == "ngrams"})
    assert choose_form(wanted, takes_ngrams=bool(values.get("takes_ngrams", True)), mean_length=10, mean_bytes=5) is None


def test_what_is_asked_for_is_what_is_made() -> None:
    wanted = PreprocessSettings(ngrams=4, subwords=False)
    assert choose_form(wanted, takes_ngrams=True, mean_length=10, mean_bytes=5) == NgramForm(4, False)


def corpus(directory: Path) -> Path:
    rows = [{"text": f"good {noun} here", "label": "a"} for noun in ("day", "meal", "day", "walk")] * 3
    rows += [{"text": f"bad {noun} here", "label": "b"} for noun in ("day", "meal", "night", "walk")] * 3
    path = directory / "corpus.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def make(directory: Path, **values: object) -> Path:
    wanted = PreprocessSettings(files=[str(corpus(directory))], **{"ngrams": 3, "validation_share": 0.25, "test_share": 0.0, **values})
    preprocess(wanted, directory / "dataset", overwrite=True)
    return directory / "dataset"


@pytest.mark.parametrize("values", [{}, {"tokenizer": "character"}, {"tokenizer": "bpe", "subwords": False}], ids=["word", "character", "bpe"])
def test_the_examples_of_a_dataset_hold_the_ids_that_inference_finds(tmp_path: Path, values: dict[str, object]) -> None:
    dataset = open_dataset(make(tmp_path, **values))
    ngrams, tokenizer = dataset.load_ngrams(), dataset.load_tokenizer()
    assert ngrams is not None
    for split in dataset.splits:
        for example in dataset.read(split):
            token_ids, pretokens = tokenizer.encode_and_split(example.text)
            assert example.features["ngram_ids"].tolist() == ngrams.encode(pretokens).tolist() != []
            assert example.features["token_ids"].tolist() == token_ids


def test_only_the_training_split_is_counted(tmp_path: Path) -> None:
    dataset = open_dataset(make(tmp_path, subwords=False))
    tokenizer, ngrams = dataset.load_tokenizer(), dataset.load_ngrams()
    expected = vocabulary(*(tokenizer.tokenize(example.text) for example in dataset.read("train")), order=3, min_frequency=2)
    assert ngrams is not None
    assert ngrams.buckets.tolist() == expected.buckets.tolist()


def test_more_processes_count_the_same(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = (open_dataset(make(tmp_path / name, workers=workers)) for name, workers in (("one", 1), ("two", 2)))
    assert one.description["ngrams"] == two.description["ngrams"]


def test_a_dataset_without_ngrams_has_none(tmp_path: Path) -> None:
    assert open_dataset(make(tmp_path, ngrams=0)).load_ngrams() is None


def test_a_task_without_one_text_refuses_ngrams(tmp_path: Path) -> None:
    expected = "--ngrams 3: the task pair has no n-grams. Leave it out; tasks that have them: "
    with pytest.raises(ConfigError, match=expected):
        make(tmp_path, task="pair")


@pytest.mark.parametrize(("order", "subwords"), [(1, False), (2, True), (3, False), (5, True)])
def test_what_stands_in_a_text_is_what_it_has(order: int, subwords: bool) -> None:
    words = ["the", "soup", "was", "the", "soup"]
    ngrams = vocabulary(words, ["was", "it", "the"], order=order, subwords=subwords)
    ids, spans = ngrams.occurrences([*words, "unheard"])
    np.testing.assert_array_equal(np.unique(ids), ngrams.encode([*words, "unheard"]))
    assert spans.shape == (len(ids), 2)


def test_an_ngram_stands_at_its_words_as_often_as_they_do() -> None:
    ids, spans = vocabulary(["a", "b", "a"], order=2).occurrences(["a", "b", "a"])
    # a and b alone; begin-a, a-b, b-a, a-end
    assert sorted(map(tuple, spans.tolist())) == [(0, 1), (0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (2, 3)]
    assert len(set(ids.tolist())) == 6


@pytest.mark.parametrize("pretokens", [[], ["unheard"]])
def test_a_text_of_which_nothing_is_known_has_no_places(pretokens: list[str]) -> None:
    ids, spans = vocabulary(["a", "b"]).occurrences(pretokens)
    assert (ids.shape, spans.shape) == ((0,), (0, 2))


def test_an_empty_vocabulary_has_no_places() -> None:
    assert len(vocabulary(["a"], min_frequency=2).occurrences(["a"])[0]) == 0
