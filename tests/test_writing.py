"""Texts from a bundle: prompts that the model knows, and those that it does not."""

import logging
from pathlib import Path
from typing import Any

import pytest
from conftest import pretrain_tiny

from slmcli.config import CleaningSettings, PreprocessSettings, TokenizerSettings
from slmcli.errors import BundleError, ConfigError
from slmcli.language_model_config import SamplingSettings
from slmcli.preprocessing import preprocess
from slmcli.settling import load_tokenizer
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import Tokenizer
from slmcli.writing import Writer, check_prompts, open_writer

GREEDY = SamplingSettings(temperature=0.0, max_tokens=12)


@pytest.fixture(scope="module")
def writer(language_run: Path) -> Writer:
    return open_writer(language_run)


def text(writer: Writer, prompt: str, **values: Any) -> str:
    return "".join(piece.text for piece in writer.write(prompt, SamplingSettings(**{**GREEDY.model_dump(), **values})))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("ann", " eats a pear ."), ("bob reads", " a book ."), ("eve paints a wall . dan", " mends the door .")],
    ids=["a name", "a verb", "a second sentence"],
)
def test_what_was_learned_is_written(prompt: str, expected: str, writer: Writer) -> None:
    assert text(writer, prompt, max_tokens=4)[: len(expected)] in (expected, expected.replace(" .", "."))


def test_an_empty_prompt_begins_a_document(writer: Writer) -> None:
    assert text(writer, "").split()[0] in {"ann", "bob", "cat", "dan", "eve"}


def test_a_text_ends_after_as_many_sentences_as_it_has_learned(writer: Writer) -> None:
    pieces = list(writer.write("", SamplingSettings(temperature=0.0, max_tokens=40)))
    assert pieces[-1].reason == "end"
    assert "".join(piece.text for piece in pieces).count(".") == 3


def test_a_text_is_never_longer_than_asked(writer: Writer) -> None:
    pieces = list(writer.write("ann", SamplingSettings(max_tokens=3)))
    assert pieces[-1].reason == "length"
    assert len(" ".join(piece.text for piece in pieces).split()) == 3


def test_a_stop_is_not_written(writer: Writer) -> None:
    pieces = list(writer.write("ann", SamplingSettings(temperature=0.0, stop=["pear"])))
    assert pieces[-1].reason == "stop"
    assert "".join(piece.text for piece in pieces).strip() == "eats a"


def test_the_same_seed_draws_the_same_text(writer: Writer) -> None:
    first, again, other = (text(writer, "", temperature=3.0, top_p=1.0, max_tokens=30, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_a_sample_does_not_depend_on_how_many_there_are(writer: Writer) -> None:
    drawing = {"temperature": 2.0, "top_p": 1.0, "max_tokens": 10}
    alone = text(writer, "", **drawing)
    three = list(writer.write("", SamplingSettings(**drawing, samples=3)))
    assert "".join(piece.text for piece in three if piece.sample == 0) == alone


def test_beams_find_what_is_learned(writer: Writer) -> None:
    assert " ".join(text(writer, "ann", temperature=1.0, top_p=1.0, beams=2, max_tokens=3).split()) == "eats a pear"


def tokenizer(name: str, texts: tuple[str, ...] = ("a bc", "bc a", "a bc a")) -> Tokenizer:
    settings = TokenizerSettings(tokenizer=name, min_frequency=1, vocabulary_size=400)
    return TOKENIZERS.load(name).train(texts, settings, CleaningSettings(cleaning=["nfc"]))


def test_what_is_partly_unknown_is_read_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check_prompts(["a zeppelin bc"], tokenizer("word")) == ["a zeppelin bc"]
    assert "prompt 'a zeppelin bc': the model has never seen 'zeppelin', and reads <unk> in its place" in caplog.text


def test_every_unknown_character_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_prompts(["axzxa"], tokenizer("character"))
    assert "the model has never seen 'x', 'z', and reads" in caplog.text


def test_one_unknown_character_is_no_reason_to_refuse_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check_prompts(["abä"], tokenizer("character")) == ["abä"]
    assert "has never seen 'ä', and" in caplog.text


def test_a_tokenizer_without_pretokens_names_the_prompt(foreign_tokenizer: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = load_tokenizer(foreign_tokenizer)
    with caplog.at_level(logging.WARNING):
        check_prompts(["the zeppelin"], whole)
    assert "has never seen 'the zeppelin', and" in caplog.text
    with pytest.raises(ConfigError, match="prompt 'zeppelin'"):
        check_prompts(["zeppelin"], whole)


def test_what_is_known_is_read_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check_prompts(["a bc", ""], tokenizer("word")) == ["a bc", ""]
    assert caplog.text == ""


@pytest.mark.parametrize(("name", "prompt"), [("word", "zeppelin"), ("character", "数字"), ("word", "zeppelin über")])
def test_a_prompt_of_which_nothing_is_known_is_refused(name: str, prompt: str) -> None:
    message = f"prompt '{prompt}': the tokenizer of the model has seen nothing of it in its texts. Give a prompt in their language"
    with pytest.raises(ConfigError, match=message):
        check_prompts(["a", prompt], tokenizer(name))


@pytest.mark.parametrize("name", ["bpe", "byte"])
@pytest.mark.parametrize("prompt", ["数字", "a 🦊", "é"])
def test_bytes_know_every_text(name: str, prompt: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check_prompts([prompt], tokenizer(name)) == [prompt]
    assert caplog.text == ""


@pytest.mark.parametrize(("name", "expected"), [("bpe", "a"), ("unigram", "a"), ("word", "a "), ("byte", "a ")])
def test_a_space_at_the_end_is_left_to_the_model_where_it_belongs_to_the_next_word(name: str, expected: str) -> None:
    assert check_prompts(["a "], tokenizer(name)) == [expected]


def test_a_model_of_another_kind_is_refused(run: Path) -> None:
    message = r"bundle was trained for task sentiment and cannot write\. Pretrain a language model with `slm pretrain`"
    with pytest.raises(BundleError, match=message):
        open_writer(run)


@pytest.mark.parametrize("name", ["byte", "bpe"])
def test_chinese_and_emoji_come_whole(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / "texts.txt"
    corpus.write_text("狐狸🦊在跑。\n" * 40, encoding="utf-8")
    values: dict[str, Any] = {"tokenizer": name, "min_frequency": 1, "vocabulary_size": 280, "validation": str(corpus), "test_share": 0.0}
    preprocess(PreprocessSettings(task="language-model", files=[str(corpus)], **values), tmp_path / "ds", overwrite=False)
    pretrain_tiny(tmp_path / "ds", tmp_path / "run", epochs=60, units=32, learning_rate=0.03)
    assert text(open_writer(tmp_path / "run"), "狐狸", max_tokens=60) == "🦊在跑。"
