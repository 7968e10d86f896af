"""A tokenizer.json from elsewhere: its ids as ours, and what is no tokenizer.json."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, pre_tokenizers

from slmcli.config import CleaningSettings
from slmcli.errors import DataError
from slmcli.settling import load_tokenizer
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID
from slmcli.tokenizers.huggingface import HuggingFaceTokenizer

MODELS: dict[str, Any] = {
    "WordLevel": models.WordLevel({"soup": 0, "<unk>": 1, "warm": 2}, unk_token="<unk>"),
    "WordPiece": models.WordPiece({"[UNK]": 0, "soup": 1, "wa": 2, "##rm": 3}, unk_token="[UNK]"),
    "BPE": models.BPE({"s": 0, "o": 1, "u": 2, "p": 3, "so": 4}, [("s", "o")]),
    "Unigram": models.Unigram([("soup", -1.0), ("<unk>", 0.0), ("w", -2.0), ("arm", -2.0)], 1, False),
}


def of_model(name: str) -> HuggingFaceTokenizer:
    """Return a tokenizer with a model of this type, which splits at white space."""
    library = Library(MODELS[name])
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    library.decoder = decoders.WordPiece()
    return HuggingFaceTokenizer.from_document(json.loads(library.to_str()), CleaningSettings(cleaning=[]), source="file")


@pytest.fixture
def document(foreign_tokenizer: Path) -> Any:
    """The content of a tokenizer.json, to be changed."""
    return json.loads(foreign_tokenizer.read_text(encoding="utf-8"))


@pytest.fixture
def tokenizer(foreign_tokenizer: Path) -> Any:
    """The tokenizer of that file."""
    return load_tokenizer(foreign_tokenizer)


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("WordLevel", ["warm", "<unk>", "soup"]),
        ("WordPiece", ["wa", "##rm", "<unk>", "soup"]),
        ("BPE", ["so", "u", "p"]),
        ("Unigram", ["w", "arm", "<unk>", "soup"]),
    ],
)
def test_every_type_of_model_encodes(name: str, pieces: list[str]) -> None:
    tokenizer = of_model(name)
    assert [tokenizer.vocabulary[token_id] for token_id in tokenizer.encode("warm ж soup")] == pieces


def test_our_special_tokens_come_first_and_stand_for_those_of_the_file(tokenizer: HuggingFaceTokenizer) -> None:
    assert tokenizer.vocabulary == [*SPECIAL_TOKENS, "the", "soup", "was", "warm", "##er", "lovely", "t", "##ea", ".", "<|turn|>"]


def test_nothing_is_put_around_a_text_and_nothing_is_cut(tokenizer: HuggingFaceTokenizer) -> None:
    assert tokenizer.encode("The soup was warmer.") == [6, 7, 8, 9, 10, 14]


@pytest.mark.parametrize("text", ["[PAD]", "[CLS]", "<pad>", "<|turn|>"])
def test_a_text_cannot_spell_a_special_token(tokenizer: HuggingFaceTokenizer, text: str) -> None:
    assert set(tokenizer.encode(text)) <= {UNKNOWN_ID}


def test_offsets_point_into_the_text_before_cleaning(document: Any) -> None:
    tokenizer = HuggingFaceTokenizer.from_document(document, CleaningSettings(cleaning=["markup", "whitespace"]), source="file")
    text = "<b>The</b>  warmer Té"
    assert [text[start:end] for start, end in tokenizer.encode_with_offsets(text)[1]] == ["The", "warm", "er", "Té"]


def test_a_text_is_split_into_what_its_tokens_stand_for(tokenizer: HuggingFaceTokenizer) -> None:
    assert tokenizer.split("Warmer téa.") == ["Warm", "er", "t", "éa", "."]


def test_the_decoder_of_the_file_decodes(tokenizer: HuggingFaceTokenizer) -> None:
    assert tokenizer.decode([2, *tokenizer.encode("the tea was warmer ж."), 3, 0]) == "the tea was warmer [UNK]."


def test_the_document_is_kept_as_it_is(tokenizer: HuggingFaceTokenizer, document: Any) -> None:
    assert tokenizer.to_json()["document"] == document


def damaged(document: Any, change: str) -> Any:
    """Return the content with something wrong in it."""
    made = copy.deepcopy(document)
    model = made["model"]
    changes: dict[str, Any] = {
        "no model": {**made, "model": None},
        "a list": [made],
        "an unknown model": {**made, "model": {"type": "Soup", "vocab": {"a": 0}}},
        "a hole": {**made, "added_tokens": [], "model": {**model, "vocab": {**model["vocab"], "far": 90}}},
        "an id twice": {**made, "added_tokens": [], "model": {**model, "vocab": {**model["vocab"], "twin": 4}}},
        "an empty vocabulary": {**made, "added_tokens": [], "model": {**model, "vocab": {}}},
        "no unknown token": {**made, "model": {**model, "unk_token": "[NONE]"}},
        "a panic": {**made, "added_tokens": [], "model": {"type": "BPE", "vocab": {"s": 0, "o": 1, "so": 2}, "merges": ["s o"],
                    "continuing_subword_prefix": "####"}},
        "half a character": {**made, "model": {**model, "vocab": {**model["vocab"], "\ud83d": 13}}},
    }  # fmt: skip
    return changes[change]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("no model", "is neither a tokenizer of slm nor one of Hugging Face: it has no `model`. Name another file"),
        ("a list", "is neither a tokenizer of slm nor one of Hugging Face: it has no `model`"),
        ("an unknown model", r"is no tokenizer\.json that Hugging Face `tokenizers` can read \(.*\)\. Save it again, or name another file"),
        ("a hole", r"is damaged: ids must be 0 to 13, each once, but 13 is missing or repeated\. Save the tokenizer again"),
        ("an id twice", "is damaged: ids must be 0 to 13, each once, but 5 is missing or repeated"),
        ("an empty vocabulary", r"has an empty vocabulary\. Name another file"),
        ("no unknown token", r"cannot encode every text \(.*\)\. Add an unknown token to its vocabulary, or name another file"),
        ("a panic", r"is no tokenizer\.json that Hugging Face `tokenizers` can read"),
        ("half a character", r"is no tokenizer\.json that Hugging Face `tokenizers` can read"),
    ],
)
def test_a_damaged_file_is_refused(document: Any, tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(damaged(document, change)), encoding="utf-8")
    with pytest.raises(DataError, match=rf"tokenizer\.json {message}"):
        load_tokenizer(path)
