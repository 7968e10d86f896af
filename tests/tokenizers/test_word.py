"""Words and signs, by the package's own patterns and by NLTK's splitters."""

import subprocess
import sys
from typing import get_args

import nltk.tokenize
import pytest

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.tokenizers.base import PADDING_ID, SPECIAL_TOKENS, UNKNOWN_ID
from slmcli.tokenizers.word import WORD_PATTERN, WordTokenizer

SPLITTERS = get_args(TokenizerSettings.model_fields["splitter"].annotation)
EVERY_SPLITTER = pytest.mark.parametrize("splitter", SPLITTERS)
SENTENCES = pytest.mark.parametrize(
    "text",
    ["", "don't rush, it's 3.14 o'clock!", "汤很好喝 soup 2碗", "rock'n'roll ''quoted''", "état naïf_x", "wow!!! :-) 😀👍", "שלום, עולם"],
    ids=["empty", "apostrophes", "Chinese", "quotes", "accents", "signs", "right to left"],
)


def tokenizer(splitter: str, *, markup: bool = True) -> WordTokenizer:
    """Return a tokenizer that knows the word `soup`."""
    settings = TokenizerSettings(splitter=splitter)
    return WordTokenizer(
        settings, CleaningSettings(cleaning=[*(["markup"] if markup else []), "nfkc", "lowercase", "whitespace"]), [*SPECIAL_TOKENS, "soup"]
    )


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("warm soup", ["warm", "soup"]),
        ("don't rush", ["don't", "rush"]),
        ("don’t rush", ["don’t", "rush"]),
        ("rock'n'roll", ["rock'n'roll"]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("wait...", ["wait", ".", ".", "."]),
        ("3.14", ["3", ".", "14"]),
        ("very-good", ["very", "-", "good"]),
        ("snake_case", ["snake_case"]),
        ("汤很好", ["汤", "很", "好"]),
        ("喝2碗soup", ["喝", "2", "碗", "soup"]),
        ("soup😀😀", ["soup", "😀", "😀"]),
        ("שלום עולם", ["שלום", "עולם"]),
        (" \t\n", []),
    ],
    ids=[
        "words",
        "apostrophe",
        "typographic apostrophe",
        "two apostrophes",
        "quotes",
        "dots",
        "number",
        "hyphen",
        "underscore",
        "Chinese",
        "mixed scripts",
        "emoji",
        "right to left",
        "spaces",
    ],
)
def test_the_own_pattern_splits(text: str, tokens: list[str]) -> None:
    assert tokenizer("regexp").split(text) == tokens


@SENTENCES
def test_regexp_does_what_nltk_does_with_the_pattern(text: str) -> None:
    assert tokenizer("regexp").split(text) == nltk.tokenize.RegexpTokenizer(WORD_PATTERN).tokenize(text)


@SENTENCES
def test_wordpunct_does_what_nltk_does(text: str) -> None:
    assert tokenizer("wordpunct").split(text) == nltk.tokenize.WordPunctTokenizer().tokenize(text)


@pytest.mark.parametrize(
    ("splitter", "tokens"),
    [
        ("wordpunct", ["don", "'", "t", "rush", ":-)", "#", "soup"]),
        ("treebank", ["do", "n't", "rush", ":", "-", ")", "#", "soup"]),
        ("tweet", ["don't", "rush", ":-)", "#soup"]),
        ("toktok", ["don", "'", "t", "rush", ":", "-", ")", "#soup"]),
    ],
)
def test_each_splitter_has_its_own_way(splitter: str, tokens: list[str]) -> None:
    assert tokenizer(splitter).split("don't rush :-) #soup") == tokens


@EVERY_SPLITTER
@pytest.mark.parametrize(
    "text",
    ["", "a\ud800b", "😀👨‍👩‍👧", "שָׁלוֹם", "\x00\x01", "\ufeff", "(" * 300, "''``\"\""],
    ids=["empty", "half", "emoji", "rtl", "control", "bom", "deep", "quotes"],
)
def test_no_text_is_too_odd(splitter: str, text: str) -> None:
    assert set(tokenizer(splitter).encode(text)) <= {UNKNOWN_ID}


@EVERY_SPLITTER
def test_a_text_is_cleaned_before_it_is_split(splitter: str) -> None:
    assert tokenizer(splitter).encode("<b>SOUP</b>") == [6]


@EVERY_SPLITTER
@pytest.mark.parametrize("markup", [True, False], ids=["without markup", "with markup"])
def test_no_text_becomes_padding(splitter: str, markup: bool) -> None:
    assert PADDING_ID not in tokenizer(splitter, markup=markup).encode("<pad> soup &lt;pad&gt; <pad>")


@EVERY_SPLITTER
def test_the_name_of_the_padding_in_a_training_text_is_no_second_token(splitter: str) -> None:
    settings = TokenizerSettings(splitter=splitter, min_frequency=1)
    vocabulary = WordTokenizer.train(["<pad> soup <unk>"], settings, CleaningSettings(cleaning=[])).vocabulary
    assert len(set(vocabulary)) == len(vocabulary)


@pytest.mark.parametrize("splitter", ["regexp", "wordpunct"])
def test_nltk_is_not_imported_where_it_is_not_needed(splitter: str) -> None:
    code = (
        "import sys; from slmcli.config import *; from slmcli.tokenizers.word import WordTokenizer; "
        f"WordTokenizer(TokenizerSettings(splitter={splitter!r}), CleaningSettings(), []).split('warm soup'); sys.exit('nltk' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
