"""What every registered tokenizer promises."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, pre_tokenizers, trainers

from slmcli.cleaning import clean
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.errors import DataError
from slmcli.files import read_json, write_json
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import FORMAT_VERSION, PADDING_ID, SPECIAL_TOKENS, UNKNOWN_ID, SubwordTokenizer, Tokenizer

TRAINABLE = [name for name in TOKENIZERS.names() if TOKENIZERS.load(name).is_trainable]
# tokenizers whose vocabulary is what occurs most often
COUNTED = [name for name in TRAINABLE if name != "byte" and not issubclass(TOKENIZERS.load(name), SubwordTokenizer)]
LEARNING = pytest.mark.parametrize("name", COUNTED)
EVERY_TRAINABLE = pytest.mark.parametrize("name", TRAINABLE)
# tokenizers that give back what they were given
LOSSLESS = pytest.mark.parametrize("name", [name for name in TOKENIZERS.names() if name != "chinese"])
EVERY_TOKENIZER = pytest.mark.parametrize("name", TOKENIZERS.names())
TEXTS = (
    "The little boat was lovely, truly lovely!",
    "A little rain; the boat didn't mind.",
    "小船很可爱，真的很可爱。",
    "Lovely rain on the little sea",
)
NEW_TEXTS = ("the boat", "a zebra", "很可爱 zebra!", "<i>LITTLE</i> &amp; lovely", "", "didn’t")
ODD_TEXTS = {
    "empty": "",
    "spaces": " \t\r\n\u3000",
    "lone surrogate": "boat \ud83d lovely",
    "two lone surrogates": "\udc00\ud800",
    "surrogate pair": "\ud83d\ude00",
    "emoji": "😀👍🏽👨‍👩‍👧🇫🇷",
    "right to left": "שָׁלוֹם عَلَيْكُمْ \u202eboat\u202c",
    "combining": "Z̸̢a̵͍l̶͓g̷̨o̴͎",
    "control": "\x00\x07\x1b[31m\x7f",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "byte order mark": "\ufeffboat",
    "special tokens": "<pad> <unk> &lt;pad&gt; &lt;unk&gt;",
    "open markup": "<" * 500 + "a" * 500,
    "one long word": "boat" * 2000,
}
EVERY_ODD_TEXT = pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
IN_ANOTHER_PROCESS = """
import json, pathlib, sys
from slmcli.files import read_json
from slmcli.tokenizers import TOKENIZERS
document = read_json(pathlib.Path(sys.argv[1]))
tokenizer = TOKENIZERS.load(document["tokenizer"]).from_json(document)
print(json.dumps([[tokenizer.encode(text) for text in json.loads(sys.argv[2])], tokenizer.fingerprint]))
"""
TRAIN_IN_ANOTHER_PROCESS = """
import json, sys
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.tokenizers import TOKENIZERS
settings = TokenizerSettings(tokenizer=sys.argv[1], vocabulary_size=600, min_frequency=1)
words = json.loads(sys.argv[2])[::-1]
print(TOKENIZERS.load(sys.argv[1]).train(words, settings, CleaningSettings(cleaning=[])).fingerprint, end="")
"""
# lone surrogates too
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
# words of three of these are all equally frequent, so that every choice of a trainer is between equals
SYLLABLES = ("ka", "lo", "mi", "nu", "re", "sa", "ti", "vo", "wé", "yu")


def train(name: str, texts: tuple[str, ...] = TEXTS, cleaning: CleaningSettings | None = None, **settings: Any) -> Tokenizer:
    """Train a tokenizer on a few texts, every token frequent enough unless asked otherwise."""
    values = TokenizerSettings(tokenizer=name, **{"min_frequency": 1, **settings})
    kind: Any = TOKENIZERS.load(name)
    cleaning = cleaning or CleaningSettings()
    return kind.train(texts, values, cleaning) if kind.is_trainable else kind.from_document(train_elsewhere(texts), cleaning, source="file")


def train_elsewhere(texts: tuple[str, ...]) -> Any:
    """Return the tokenizer.json that Hugging Face's library makes of texts: byte pairs, with special tokens of its own."""
    library = Library(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["[CLS]", "[PAD]"], initial_alphabet=alphabet, show_progress=False)
    library.train_from_iterator([text.encode("utf-8", "replace").decode() for text in texts], trainer)
    return json.loads(library.to_str())


def changed(tokenizer: Tokenizer, part: str, change: Any) -> Tokenizer:
    """Return a tokenizer whose saved form has other values in one part."""
    document = tokenizer.to_json()
    return type(tokenizer).from_json({**document, part: {**document[part], **change} if isinstance(change, dict) else change})


@EVERY_TOKENIZER
@EVERY_ODD_TEXT
def test_every_text_is_encoded_with_ids_of_the_vocabulary(name: str, text: str) -> None:
    tokenizer = train(name)
    assert set(tokenizer.encode(text)) <= set(range(UNKNOWN_ID, len(tokenizer.vocabulary)))


@EVERY_TOKENIZER
@EVERY_ODD_TEXT
def test_every_text_can_be_trained_on_and_saved(name: str, text: str, tmp_path: Path) -> None:
    tokenizer = train(name, (*TEXTS, text))
    write_json(tmp_path / "tokenizer.json", tokenizer.to_json())
    assert read_json(tmp_path / "tokenizer.json")["vocabulary"] == tokenizer.vocabulary


@EVERY_TOKENIZER
def test_padding_has_id_0_and_unknown_id_1(name: str) -> None:
    assert (train(name).vocabulary[:2], PADDING_ID, UNKNOWN_ID) == (["<pad>", "<unk>"], 0, 1)


@LEARNING
def test_a_token_never_seen_is_unknown(name: str) -> None:
    assert set(train(name).encode("жж")) == {UNKNOWN_ID}


@LOSSLESS
def test_a_text_of_known_tokens_can_be_decoded(name: str) -> None:
    tokenizer = train(name)
    assert tokenizer.decode(tokenizer.encode(TEXTS[0])) == clean(TEXTS[0], tokenizer.cleaning)


@EVERY_TOKENIZER
def test_an_empty_text_has_no_tokens(name: str) -> None:
    assert train(name).encode("") == []


@EVERY_TOKENIZER
def test_what_cleaning_removes_does_not_change_the_ids(name: str) -> None:
    tokenizer = train(name)
    assert tokenizer.encode("<p>Little   BOAT</p>") == tokenizer.encode("little boat")


@EVERY_TOKENIZER
def test_no_token_stands_twice_in_the_vocabulary(name: str) -> None:
    vocabulary = train(name, (*TEXTS, "<pad> <unk> &lt;pad&gt;"), CleaningSettings(cleaning=[])).vocabulary
    assert len(set(vocabulary)) == len(vocabulary)


@LEARNING
def test_frequent_tokens_come_first(name: str) -> None:
    # every token here is one character long, so that words and characters are the same
    assert train(name, ("乙 丙 丙", "甲 丙 乙")).vocabulary[len(SPECIAL_TOKENS) :][-1] == "甲"


@LEARNING
def test_tokens_of_the_same_frequency_are_in_alphabetical_order(name: str) -> None:
    assert train(name, ("c", "a", "b")).vocabulary[len(SPECIAL_TOKENS) :] == ["a", "b", "c"]


@EVERY_TRAINABLE
def test_the_order_of_training_texts_does_not_matter(name: str) -> None:
    assert train(name, TEXTS[::-1]).fingerprint == train(name).fingerprint


@LEARNING
@pytest.mark.parametrize("size", [7, 9])
def test_the_vocabulary_is_no_larger_than_asked_for(name: str, size: int) -> None:
    assert train(name, vocabulary_size=size).vocabulary == train(name).vocabulary[:size]


@LEARNING
def test_rare_tokens_are_left_out(name: str) -> None:
    assert train(name, ("a", "b", "b"), min_frequency=2).vocabulary[len(SPECIAL_TOKENS) :] == ["b"]


@LEARNING
def test_texts_without_a_frequent_token_are_refused_with_the_numbers(name: str) -> None:
    expected = "no token occurs 3 times in the training texts (2 different tokens). Pass a lower --min-frequency, or more text."
    with pytest.raises(DataError, match=re.escape(expected)):
        train(name, ("a", "b", "b"), min_frequency=3)


@EVERY_TOKENIZER
def test_a_saved_tokenizer_gives_the_same_ids(name: str, tmp_path: Path) -> None:
    tokenizer = train(name)
    write_json(tmp_path / "tokenizer.json", tokenizer.to_json())
    loaded = TOKENIZERS.load(name).from_json(read_json(tmp_path / "tokenizer.json", format_version=FORMAT_VERSION))
    assert [loaded.encode(text) for text in NEW_TEXTS] == [tokenizer.encode(text) for text in NEW_TEXTS]


@EVERY_TOKENIZER
def test_a_saved_tokenizer_has_the_same_fingerprint(name: str, tmp_path: Path) -> None:
    tokenizer = train(name)
    write_json(tmp_path / "tokenizer.json", tokenizer.to_json())
    assert TOKENIZERS.load(name).from_json(read_json(tmp_path / "tokenizer.json")).fingerprint == tokenizer.fingerprint


@EVERY_TOKENIZER
def test_a_saved_tokenizer_tells_its_name(name: str) -> None:
    assert train(name).to_json()["tokenizer"] == name


@EVERY_TOKENIZER
def test_a_text_has_the_same_ids_whatever_was_encoded_before(name: str) -> None:
    tokenizer = train(name)
    assert [tokenizer.encode(text) for text in reversed(NEW_TEXTS)][::-1] == [train(name).encode(text) for text in NEW_TEXTS]


@EVERY_TRAINABLE
def test_another_process_trains_the_same_vocabulary(name: str) -> None:
    words = sorted({first + second + third for first in SYLLABLES for second in SYLLABLES for third in SYLLABLES})
    settings, cleaning = TokenizerSettings(tokenizer=name, vocabulary_size=600, min_frequency=1), CleaningSettings(cleaning=[])
    command = [sys.executable, "-c", TRAIN_IN_ANOTHER_PROCESS, name, json.dumps(words)]
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert found == TOKENIZERS.load(name).train(words, settings, cleaning).fingerprint


@EVERY_TOKENIZER
def test_another_process_gives_the_same_ids_and_fingerprint(name: str, tmp_path: Path) -> None:
    tokenizer, path = train(name), tmp_path / "tokenizer.json"
    write_json(path, tokenizer.to_json())
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(path), json.dumps(NEW_TEXTS)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert found == [[tokenizer.encode(text) for text in NEW_TEXTS], tokenizer.fingerprint]


@EVERY_TOKENIZER
@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("cleaning", ["nfkc", "whitespace"]),
        ("cleaning", ["nfkc", "markup", "lowercase", "whitespace"]),
        ("cleaning", []),
        ("settings", {"splitter": "wordpunct"}),
    ],
    ids=["a step less", "another order", "no step", "splitter"],
)
def test_the_fingerprint_changes_with_a_setting(name: str, part: str, change: Any) -> None:
    tokenizer = train(name)
    assert changed(tokenizer, part, change).fingerprint != tokenizer.fingerprint


@EVERY_TOKENIZER
@pytest.mark.parametrize(
    "vocabulary",
    [["<pad>", "<unk>", "a", "x"], ["<pad>", "<unk>", "b", "a"], ["<pad>", "<unk>", "a"], ["<pad>", "<unk>", "a", "b", "c"]],
    ids=["another word", "another order", "one less", "one more"],
)
def test_the_fingerprint_changes_with_a_word(name: str, vocabulary: list[str]) -> None:
    document = {**train(name).to_json(), "vocabulary": ["<pad>", "<unk>", "a", "b"]}
    kind = TOKENIZERS.load(name)
    assert kind.from_json(document).fingerprint != kind.from_json({**document, "vocabulary": vocabulary}).fingerprint


def test_the_fingerprint_tells_tokenizers_apart() -> None:
    fingerprints = {TOKENIZERS.load(name)(TokenizerSettings(), CleaningSettings(), ["<pad>", "<unk>"]).fingerprint for name in TOKENIZERS.names()}
    assert len(fingerprints) == len(TOKENIZERS.names())


def known(name: str, text: str) -> Tokenizer:
    """Return a tokenizer that was trained on this very text."""
    return train(name, (*TEXTS, text), CleaningSettings(cleaning=["nfc"]))


@EVERY_TOKENIZER
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=ANY_TEXT)
def test_offsets_lie_inside_the_text_and_never_go_back(name: str, text: str) -> None:
    token_ids, offsets = SHARED[name].encode_with_offsets(text)
    assert token_ids == SHARED[name].encode(text)
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)


@EVERY_TOKENIZER
@settings(max_examples=30, deadline=None, derandomize=True)
@given(text=st.text(st.one_of(st.characters(), st.sampled_from(" .'a\u4e2d\u0301")), max_size=30))
def test_offsets_name_the_characters_that_a_token_stands_for(name: str, text: str) -> None:
    tokenizer = train(name, (*TEXTS, text), CleaningSettings(cleaning=[]))
    named = [(tokenizer.decode([token_id]), text[start:end]) for token_id, (start, end) in zip(*tokenizer.encode_with_offsets(text), strict=True)]
    assert [piece for piece, there in named if piece != there and "\ufffd" not in piece] == []


@EVERY_TOKENIZER
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=ANY_TEXT)
def test_a_saved_tokenizer_gives_every_text_the_same_ids(name: str, text: str) -> None:
    assert SAVED[name].encode_with_offsets(text) == SHARED[name].encode_with_offsets(text)


@EVERY_TOKENIZER
@settings(max_examples=40, deadline=None, derandomize=True)
@given(texts=st.lists(ANY_TEXT, max_size=4))
def test_a_batch_has_the_ids_of_its_texts(name: str, texts: list[str]) -> None:
    assert SHARED[name].encode_batch(texts) == [SHARED[name].encode(text) for text in texts]


@EVERY_TOKENIZER
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=ANY_TEXT)
def test_many_pretokens_have_the_pieces_of_each(name: str, text: str) -> None:
    pretokens = SHARED[name].tokenize(text)
    token_ids, lengths = SHARED[name].expand(pretokens)
    pieces = [SHARED[name].pieces(pretoken) for pretoken in pretokens]
    assert (token_ids.tolist(), lengths.tolist()) == ([piece for each in pieces for piece in each], [len(each) for each in pieces])
    assert all(pieces)


@pytest.mark.parametrize("name", [name for name in TOKENIZERS.names() if TOKENIZERS.load(name).is_lossless])
@settings(max_examples=80, deadline=None, derandomize=True)
@given(text=ANY_TEXT)
def test_a_lossless_tokenizer_gives_every_text_back(name: str, text: str) -> None:
    assert SHARED[name].decode(SHARED[name].encode(text)) == clean(text, SHARED[name].cleaning)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=st.text(min_size=1, max_size=40))
def test_characters_that_were_trained_on_come_back(text: str) -> None:
    tokenizer = known("character", text)
    assert tokenizer.decode(tokenizer.encode(text)) == clean(text, tokenizer.cleaning)


SHARED = {name: train(name) for name in TOKENIZERS.names()}
SAVED = {name: type(tokenizer).from_json(json.loads(json.dumps(tokenizer.to_json()))) for name, tokenizer in SHARED.items()}
