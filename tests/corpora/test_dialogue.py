"""Dialogues as lists of turns: every turn that answers is an example."""

import io
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.dialogue import read
from slmcli.errors import DataError

TURNS = ["Is the bakery open?", "Until six.", "Thank you!"]
EXAMPLES = [(TURNS[:1], TURNS[1]), (TURNS[:2], TURNS[2])]


def examples(path: Path, text: str) -> list[tuple[list[str], str]]:
    """Write a file, read it, and return contexts and responses."""
    path.write_text(text, encoding="utf-8")
    return [(record.values["context"], record.values["response"]) for record in read(path, CorpusSettings())]


@pytest.mark.parametrize("key", ["turns", "dialogue", "dialog", "utterances", "messages", "conversations", "conversation"])
def test_every_turn_but_the_first_is_a_response(tmp_path: Path, key: str) -> None:
    assert examples(tmp_path / "shop.jsonl", json.dumps({"id": 7, key: TURNS}) + "\n") == EXAMPLES


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"turns": TURNS}], indent=2),
        "\n".join(TURNS) + "\n\n\nHello?\n",
        " __eou__ ".join(TURNS) + " __eou__\n\nHello? __eou__\n",
        "\n" + "\r\n".join(TURNS),
    ],
    ids=["array", "a turn a line", "marks between turns", "empty line first"],
)
def test_other_forms_say_the_same(tmp_path: Path, text: str) -> None:
    assert examples(tmp_path / "shop.dialogue", text) == EXAMPLES


@pytest.mark.parametrize(
    ("speaker", "saying", "person", "machine"),
    [("role", "content", "user", "assistant"), ("from", "value", "human", "gpt"), ("speaker", "text", "Guest", "Bot")],
)
def test_where_roles_are_named_only_the_assistant_responds(tmp_path: Path, speaker: str, saying: str, person: str, machine: str) -> None:
    turns = [{speaker: role, saying: text} for role, text in zip(["system", person, machine, person], ["Be kind.", *TURNS], strict=True)]
    assert examples(tmp_path / "shop.jsonl", json.dumps({"messages": turns})) == [(["Be kind.", TURNS[0]], TURNS[1])]


def test_where_no_assistant_speaks_everybody_responds(tmp_path: Path) -> None:
    turns = [{"speaker": name, "text": text} for name, text in zip(["A", "B", "A"], TURNS, strict=True)]
    assert examples(tmp_path / "shop.jsonl", json.dumps({"turns": turns})) == EXAMPLES


def test_what_else_a_dialogue_says_of_itself_stays(tmp_path: Path) -> None:
    path = tmp_path / "shop.jsonl"
    path.write_text(json.dumps({"topic": "bread", "turns": TURNS}))
    assert [(record.row, record.values["topic"]) for record in read(path, CorpusSettings())] == [(1, "bread"), (1, "bread")]


@pytest.mark.parametrize("roles", [["system", "user", "user"], ["human", "human", "human"]])
def test_where_nobody_answers_there_is_no_example(tmp_path: Path, roles: list[str], caplog: pytest.LogCaptureFixture) -> None:
    turns = [{"role": role, "content": text} for role, text in zip(roles, TURNS, strict=True)]
    with caplog.at_level(logging.INFO):
        assert examples(tmp_path / "shop.jsonl", json.dumps({"messages": turns})) == []
    assert "1 dialogue passed over, in which nobody answers" in caplog.text


def test_turns_without_text_are_passed_over(tmp_path: Path) -> None:
    parts = [{"type": "image"}, {"type": "text", "text": TURNS[0]}]
    turns = [{"role": "user", "content": parts}, {"role": "assistant", "content": None}, {"role": "assistant", "content": TURNS[1]}]
    assert examples(tmp_path / "shop.jsonl", json.dumps({"messages": turns})) == EXAMPLES[:1]


def test_a_document_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps([{"turns": TURNS}], indent=1)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert [record.values["response"] for record in read(Path("-"), CorpusSettings())] == TURNS[1:]


def test_a_context_holds_the_last_turns_of_a_long_dialogue(tmp_path: Path) -> None:
    found = examples(tmp_path / "shop.jsonl", json.dumps({"turns": [str(number) for number in range(300)]}))
    assert (len(found), found[-1]) == (299, ([str(number) for number in range(99, 299)], "299"))


def test_a_file_without_empty_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape("shop.dialogue:1: a dialogue of more than 10,000 turns begins here.")):
        examples(tmp_path / "shop.dialogue", "Next, please.\n" * 10_001)


@pytest.mark.parametrize("start", ["\n", " \n\n"])
def test_empty_lines_before_json_lines_do_not_matter(tmp_path: Path, start: str) -> None:
    assert examples(tmp_path / "shop.jsonl", start + json.dumps({"turns": TURNS})) == EXAMPLES


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"text": "a"}, "shop.jsonl:2: no list of turns. A dialogue needs one, called turns, dialogue,"),
        ({"turns": ["a", 7]}, "shop.jsonl:2: the turn 7 is neither a string nor"),
        ({"turns": [{"role": "user"}]}, 'shop.jsonl:2: the turn {"role": "user"} is neither a string nor'),
    ],
    ids=["no turns", "a number", "nothing said"],
)
def test_what_is_no_dialogue_is_named_with_its_line(tmp_path: Path, line: Any, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        examples(tmp_path / "shop.jsonl", json.dumps({"turns": TURNS}) + "\n" + json.dumps(line) + "\n")


def test_an_element_that_is_no_object_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape("shop.json: element 1 is '7', not an object with a list of turns.")):
        examples(tmp_path / "shop.json", "[7]")
