"""Read dialogues given as lists of turns: every turn that answers becomes an example."""

import io
import itertools
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: JSON values

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, parse_object, source_name
from slmcli.errors import DataError
from slmcli.json_stream import read_elements
from slmcli.text_files import STANDARD_INPUT, open_text, read_head, read_lines

logger = logging.getLogger(__name__)

_HEAD_CHARACTERS = 1_000
# our choice: names under which published dialogues keep their turns, who speaks, and what is said
TURNS = ("turns", "dialogue", "dialog", "utterances", "messages", "conversations", "conversation")
_SPEAKERS = ("role", "from", "speaker")
_SAYINGS = ("content", "value", "text", "utterance")
# who answers, where roles are named, and who never does
_ANSWERING = frozenset({"assistant", "gpt", "chatgpt", "bot", "model"})
_ASKING = frozenset({"user", "human", "prompter", "system", "tool"})
# our choice: turns of a context, the last ones; they are more than `max_length` tokens keep
_MOST_TURNS = 200
# our choice: nobody talks that long; a file without empty lines between its dialogues is meant
_LONGEST_DIALOGUE = 10_000
# the mark between turns in the files of DailyDialog (Li et al. 2017)
_END_OF_TURN = "__eou__"


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `context`, the turns so far, and `response` for every turn that answers, with what else the dialogue says of itself.

    A file is JSON Lines or a JSON array of objects with a list of turns, strings or {"role": …, "content": …}; or text, a turn
    a line with an empty line between dialogues, or a dialogue a line with `__eou__` between turns.
    """
    name, without_answer = source_name(path), 0
    for row, values in _dialogues(path, settings.encoding, name):
        key = turns_key(values)
        if key is None:
            raise DataError(f"{name}:{row}: no list of turns. A dialogue needs one, called {', '.join(TURNS)}; its keys: {', '.join(values)}.")
        rest = {other: value for other, value in values.items() if other != key}
        answers = divide_turns(values[key], f"{name}:{row}")
        without_answer += not answers
        for context, response in answers:
            yield Record(name, row, {**rest, "context": context, "response": response})
    if without_answer:
        logger.info("%s: %s passed over, in which nobody answers", name, "1 dialogue" if without_answer == 1 else f"{without_answer} dialogues")


def turns_key(values: Mapping[str, Any]) -> str | None:
    """Return the key under which an object keeps a list of turns; None when there is none."""
    return next((key for key in TURNS if isinstance(values.get(key), list)), None)


def divide_turns(turns: Sequence[Any], where: str) -> list[tuple[list[str], str]]:
    """Return the turns so far, 200 at most, and the answer, for every turn that answers: those of an assistant, or all but the first.

    Raises:
        DataError: A turn is neither a string nor an object that says who says what, or there are too many.
    """
    if len(turns) > _LONGEST_DIALOGUE:
        raise DataError(f"{where}: a dialogue of more than {_LONGEST_DIALOGUE:,} turns begins here. Put empty lines between dialogues, or divide it.")
    said = [(speaker, text) for speaker, text in (_say(turn, where) for turn in turns) if text.strip()]
    has_roles = any(speaker in _ANSWERING or speaker in _ASKING for speaker, _ in said)
    texts = [text for _, text in said]
    return [
        (texts[max(0, number - _MOST_TURNS) : number], text)
        for number, (speaker, text) in enumerate(said)
        if number and (speaker in _ANSWERING or not has_roles)
    ]


def _say(turn: Any, where: str) -> tuple[str, str]:
    """Return who speaks, "" when it is not said, and what; "" for a turn that calls a tool or shows a picture."""
    if isinstance(turn, str):
        return "", turn
    if isinstance(turn, Mapping):
        speaker = next((turn[name] for name in _SPEAKERS if isinstance(turn.get(name), str)), "")
        said = next((turn[name] for name in _SAYINGS if name in turn), 0)
        parts = [part for part in said if isinstance(part, Mapping)] if isinstance(said, list) else None
        text = "" if said is None else said if parts is None else "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))
        if isinstance(text, str):
            return speaker.lower(), text
    raise DataError(f'{where}: the turn {json.dumps(turn)[:60]} is neither a string nor {{"role": "…", "content": "…"}}. Correct it.')


def _dialogues(path: Path, encoding: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number of the line, or of the element, and a dialogue as an object."""
    if path != STANDARD_INPUT and _is_document(read_head(path, encoding, characters=_HEAD_CHARACTERS)[0]):
        with open_text(path, encoding) as file:
            yield from ((number, _object(element, f"{name}: element {number}")) for number, element in enumerate(read_elements(file, name), 1))
        return
    rest = ((number, line.strip()) for number, line in enumerate(read_lines(path, encoding), 1))
    first = next((row for row in rest if row[1]), None)
    if first is None:
        return
    if _is_document(first[1]):  # of standard input, which cannot be looked into first
        whole = io.StringIO("\n".join(line for _, line in itertools.chain([first], rest)))
        yield from ((number, _object(element, f"{name}: element {number}")) for number, element in enumerate(read_elements(whole, name), 1))
        return
    rows: Iterator[tuple[int, str]] = itertools.chain([first], rest)
    if first[1].startswith("{"):
        yield from ((number, parse_object(line, f"{name}:{number}")) for number, line in rows if line)
    elif _END_OF_TURN in first[1]:
        yield from ((number, {"turns": [turn.strip() for turn in line.split(_END_OF_TURN) if turn.strip()]}) for number, line in rows if line)
    else:
        yield from _between_empty_lines(rows)


def _is_document(head: str) -> bool:
    """Say whether a file is one JSON document: an array, or an object that goes on behind its first line."""
    lines = head.strip().split("\n", 1)
    return lines[0].startswith("[") or lines[0].rstrip() in ("{", "{}")


def _between_empty_lines(rows: Iterable[tuple[int, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield dialogues that have a turn a line."""
    for has_text, group in itertools.groupby(rows, key=lambda row: bool(row[1])):
        turns = list(itertools.islice(group, _LONGEST_DIALOGUE + 1)) if has_text else []
        if turns:
            yield turns[0][0], {"turns": [text for _, text in turns]}


def _object(element: Any, where: str) -> dict[str, Any]:
    if not isinstance(element, dict):
        raise DataError(f"{where} is {str(element)[:60]!r}, not an object with a list of turns. Correct it.")
    return element
