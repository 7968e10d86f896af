"""What a split holds, in numbers worked out by hand."""

from collections import Counter

import pytest

from slmcli.corpus_facts import Setup, TokenStatistics, estimate_unknown, guess_language, summarize_split
from slmcli.inspection import Inspection
from slmcli.reading import Example

TOKENS = TokenStatistics({3: 2, 9: 1}, 2, 15, 100)


def split(task: str, *values: dict[str, object]) -> Inspection:
    """Return what is seen in examples."""
    found = Inspection(task)
    for row, each in enumerate(values, 1):
        found.add(Example(each, "soups.csv", row))
    return found


def test_the_most_frequent_label_of_train_is_a_baseline_for_every_split() -> None:
    found = split("topic", {"text": "a b c", "label": "good"}, {"text": "a", "label": "bad"}, {"text": "b", "label": "bad"})
    assert summarize_split(found, TOKENS, Setup("topic"), most_frequent="good")["majority"] == {"label": "good", "share": 0.3333}


def test_without_labels_there_is_no_baseline() -> None:
    assert summarize_split(split("language-model", {"text": "a"}), TOKENS, Setup("language-model"), most_frequent=None)["majority"] is None


def test_the_words_of_each_label_are_averaged() -> None:
    # good: 1 and 4 words; bad: 3 words
    found = split("topic", {"text": "a", "label": "good"}, {"text": "a b c d", "label": "good"}, {"text": "a b c", "label": "bad"})
    assert summarize_split(found, TOKENS, Setup("topic"), most_frequent=None)["label_words"] == {"good": 2.5, "bad": 3.0}


def test_nothing_is_cut_where_no_length_is_set() -> None:
    assert summarize_split(split("topic"), TOKENS, Setup("topic", None), most_frequent=None)["truncated_share"] == 0.0


def test_texts_longer_than_the_length_set_are_cut() -> None:
    # one of three texts has more than 8 tokens
    assert summarize_split(split("topic"), TOKENS, Setup("topic", 8), most_frequent=None)["truncated_share"] == 0.3333


def test_examples_that_cannot_be_used_are_counted() -> None:
    found = Inspection("topic")
    found.add(Example({"text": "", "label": "a"}, "soups.csv", 1), is_empty=True, is_usable=False)
    found.add(Example({"text": "b", "label": "a"}, "soups.csv", 2))
    assert summarize_split(found, TOKENS, Setup("topic"), most_frequent=None)["dropped"] == 1


def test_entities_are_counted_where_they_begin() -> None:
    # B-PER I-PER is one person, I-LOC after it begins a place, the last B-PER another person
    tags = ["B-PER", "I-PER", "I-LOC", "O", "B-PER"]
    found = split("ner", {"tokens": ["a"] * 5, "tags": tags})
    assert summarize_split(found, TOKENS, Setup("ner"), most_frequent="O")["entities"] == {"PER": 2, "LOC": 1}


@pytest.mark.parametrize(
    ("scripts", "language"),
    [
        ({"Latin": 99, "Han": 1}, "Latin script"),
        ({"Han": 10}, "Chinese (Han)"),
        ({"Kana": 10}, "Japanese (Kana)"),
        ({"Hangul": 10}, "Korean (Hangul)"),
        ({"Latin": 75, "Han": 25}, "mixed: Latin script 75%, Chinese (Han) 25%"),
        ({"none": 3}, "no letters"),
        ({}, "no letters"),
    ],
    ids=["Latin", "Chinese", "Japanese", "Korean", "mixed", "no letters", "no texts"],
)
def test_the_language_is_guessed_by_script(scripts: dict[str, int], language: str) -> None:
    assert guess_language(scripts) == language


@pytest.mark.parametrize(
    ("text", "script"),
    [("warm soup", "Latin"), ("味道很好", "Han"), ("味はとても良い", "Kana"), ("맛있다", "Hangul"), ("суп", "Cyrillic"), ("12 + 3", "none")],
)
def test_the_script_of_a_text_is_that_of_most_letters(text: str, script: str) -> None:
    assert split("topic", {"text": text, "label": "a"}).scripts == Counter({script: 1})


def test_unknown_tokens_of_new_texts_are_estimated_by_leaving_one_out() -> None:
    # 20 tokens: "salt" (2) would fall below two occurrences, "leek" (1) has no entry, "broth" (7) was cut off; 10 of 20
    counts = {"soup": 10, "salt": 2, "leek": 1, "broth": 7}
    assert estimate_unknown(counts, ["<unk>", "soup", "salt"], min_frequency=2) == 0.5


def test_no_tokens_at_all_have_an_estimate_of_zero() -> None:
    assert estimate_unknown({}, [], min_frequency=2) == 0.0
