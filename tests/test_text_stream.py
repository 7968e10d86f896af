"""Text as it appears: behind its prompt, up to a stop."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.text_stream import StopWatch, TextStream
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import END_ID, PADDING_ID, Tokenizer

TEXTS = (
    '"Hello," she said. "It\'s $3.14, isn\'t it?"',
    "他说：“你好，世界。”我爱Python编程",
    "emoji 😀👨‍👩‍👧🇫🇷 and cafe\u0301 noir",
    "line\nends\r\n\r\n\tand   spaces ",
)
NAMES = [name for name in TOKENIZERS.names() if TOKENIZERS.load(name).is_trainable]
EVERY_TOKENIZER = pytest.mark.parametrize("name", NAMES)
EVERY_TEXT = pytest.mark.parametrize("text", TEXTS, ids=["English", "Chinese", "emoji", "line ends"])


def train(name: str) -> Tokenizer:
    values = TokenizerSettings(tokenizer=name, min_frequency=1, vocabulary_size=400)
    return TOKENIZERS.load(name).train(TEXTS, values, CleaningSettings(cleaning=[]))


SHARED = {name: train(name) for name in NAMES}


def streamed(stream: TextStream, token_ids: list[int]) -> str:
    return "".join([*map(stream.add, token_ids), stream.finish()])


def watched(stops: list[str], pieces: list[str]) -> str:
    watch = StopWatch(stops)
    return "".join([*map(watch.add, pieces), watch.finish()])


@EVERY_TOKENIZER
@EVERY_TEXT
def test_a_stream_is_the_text_of_all_tokens(name: str, text: str) -> None:
    token_ids = SHARED[name].encode(text)
    assert streamed(TextStream(SHARED[name]), token_ids) == SHARED[name].decode(token_ids)


@EVERY_TOKENIZER
@EVERY_TEXT
@pytest.mark.parametrize("length", [1, 3, 7])
def test_behind_a_prompt_comes_the_rest_of_the_text(name: str, text: str, length: int) -> None:
    tokenizer = SHARED[name]
    token_ids = tokenizer.encode(text)
    prompt, rest = token_ids[:length], token_ids[length:]
    expected = tokenizer.decode(token_ids)[len(tokenizer.decode(prompt)) :]
    assert streamed(TextStream(tokenizer, prompt_ids=prompt), rest) == expected


def test_words_go_on_with_the_space_behind_the_prompt() -> None:
    tokenizer = SHARED["word"]
    prompt, rest = tokenizer.encode('"Hello,'), tokenizer.encode('" she said.')
    assert streamed(TextStream(tokenizer, prompt_ids=prompt), rest) == '" she said.'


def test_a_piece_may_continue_the_last_word_of_the_prompt() -> None:
    tokenizer = SHARED["wordpiece"]
    known = type(tokenizer)(tokenizer.settings, tokenizer.cleaning, [*tokenizer.vocabulary, "zeb", "##ra"])
    length = len(tokenizer.vocabulary)
    assert streamed(TextStream(known, prompt_ids=[length]), [length + 1]) == "ra"


@EVERY_TOKENIZER
def test_special_tokens_have_no_text(name: str) -> None:
    assert streamed(TextStream(SHARED[name], prompt_ids=[END_ID]), [PADDING_ID, END_ID]) == ""


def test_a_stop_is_left_out_with_what_follows() -> None:
    stream = TextStream(SHARED["character"], stops=["she"])
    assert streamed(stream, SHARED["character"].encode("Hello, she said")) == "Hello, "
    assert stream.has_stopped


def test_a_stop_in_the_prompt_does_not_stop() -> None:
    tokenizer = SHARED["character"]
    stream = TextStream(tokenizer, prompt_ids=tokenizer.encode("she "), stops=["she"])
    assert (streamed(stream, tokenizer.encode("said")), stream.has_stopped) == ("said", False)


def test_a_stream_without_a_stop_did_not_stop() -> None:
    stream = TextStream(SHARED["byte"], stops=["zebra"])
    assert (streamed(stream, SHARED["byte"].encode("a zebr")), stream.has_stopped) == ("a zebr", False)


def test_what_may_be_a_stop_waits() -> None:
    watch = StopWatch(["\n\n"])
    assert [watch.add(piece) for piece in ("one", "\n", "two\n", "\nthree")] == ["one", "", "\ntwo", ""]
    assert watch.has_stopped


def test_what_only_began_like_a_stop_comes_at_the_end() -> None:
    assert watched(["User:"], ["I", " Us", "e"]) == "I Use"


@pytest.mark.parametrize(
    ("stops", "expected"),
    [(["cd", "ef"], "ab"), (["ef", "d"], "abc"), (["bcde", "d"], "abc"), (["d", "bcd"], "a"), (["x"], "abcdef"), ([], "abcdef"), (["abcdef"], "")],
    ids=["first", "shorter first", "complete first", "longest", "none", "no stops", "all"],
)
def test_of_several_stops_the_one_that_is_complete_first_counts(stops: list[str], expected: str) -> None:
    assert watched(stops, ["abcdef"]) == expected


def test_a_stop_that_begins_again_inside_itself_is_found() -> None:
    assert watched(["aab"], ["a", "a", "a", "b", "c"]) == "a"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(stops=st.lists(st.text("ab", min_size=1, max_size=4), max_size=3), text=st.text("abc", max_size=15), data=st.data())
def test_the_pieces_of_a_text_change_nothing(stops: list[str], text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
    assert watched(stops, pieces) == watched(stops, [text])


def test_nothing_comes_behind_a_stop() -> None:
    watch = StopWatch(["."])
    assert (watch.add("a.b"), watch.add("c"), watch.finish()) == ("a", "", "")
