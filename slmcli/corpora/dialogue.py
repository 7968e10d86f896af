"""Read dialogues given as lists of turns: every turn that answers becomes an example."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: JSON values

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, parse_object, source_name
from slmcli.errors import DataError
from slmcli.json_stream import read_elements
from slmcli.text_files import STANDARD_INPUT, open_text, read_head, read_lines

# our choice: names under which published dialogues keep their turns, who speaks, and what is said
TURNS = ("turns", "dialogue", "dialog", "utterances", "messages", "conversations", "conversation")
_SPEAKERS = ("role", "from", "speaker")
_SAYINGS = ("content", "value", "text", "utterance")
# who answers, where roles are named; the others are people, or instructions
_ANSWERING = frozenset({"assistant", "gpt", "chatgpt", "bot", "model"})
# the mark between turns in the files of DailyDialog (Li et al. 2017)
_END_OF_TURN = "__eou__"


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `context`, the turns so far, and `response` for every turn that answers, with what else the dialogue says of itself.

    A file is JSON Lines or a JSON array of objects with a list of turns, strings or {"role": …, "content": …}; or text, a turn
    a line with an empty line between dialogues, or a dialogue a line with `__eou__` between turns.
    """
    name = source_name(path)
    for row, values in _dialogues(path, settings.encoding, name):
        key = turns_key(values)
        if key is None:
            raise DataError(f"{name}:{row}: no list of turns. A dialogue needs one, called {', '.join(TURNS)}; its keys: {', '.join(values)}.")
        rest = {other: value for other, value in values.items() if other != key}
        for context, response in divide_turns(values[key], f"{name}:{row}"):
            yield Record(name, row, {**rest, "context": context, "response": response})


def turns_key(values: Mapping[str, Any]) -> str | None:
    """Return the key under which an object keeps a list of turns; None when there is none."""
    return next((key for key in TURNS if isinstance(values.get(key), list)), None)


def divide_turns(turns: Sequence[Any], where: str) -> Iterator[tuple[list[str], str]]:
    """Yield the turns so far and the answer, for every turn that answers: those of an assistant, or all but the first.

    Raises:
        DataError: A turn is neither a string nor an object that says who says what.
    """
    said = [_say(turn, where) for turn in turns]
    has_roles = any(speaker in _ANSWERING for speaker, _ in said)
    texts = [text for _, text in said]
    for number, (speaker, text) in enumerate(said):
        if number and (speaker in _ANSWERING or not has_roles):
            yield texts[:number], text


def _say(turn: Any, where: str) -> tuple[str, str]:
    """Return who speaks, "" when it is not said, and what."""
    if isinstance(turn, str):
        return "", turn
    speaker, text = (
        (next((turn[name] for name in names if isinstance(turn.get(name), str)), None) for names in (_SPEAKERS, _SAYINGS))
        if isinstance(turn, Mapping)
        else (None, None)
    )
    if text is None:
        raise DataError(f'{where}: the turn {json.dumps(turn)[:60]} is neither a string nor {{"role": "…", "content": "…"}}. Correct it.')
    return (speaker or "").lower(), text


def _dialogues(path: Path, encoding: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number of the line, or of the element, and a dialogue as an object."""
    first = "" if path == STANDARD_INPUT else read_head(path, encoding, characters=1000).lstrip()[:1]
    if first == "[":
        with open_text(path, encoding) as file:
            yield from ((number, _object(element, f"{name}: element {number}")) for number, element in enumerate(read_elements(file, name), 1))
        return
    lines = enumerate(read_lines(path, encoding), 1)
    start = next(lines, None)
    if start is None:
        return
    rows = itertools.chain([start], lines)
    if start[1].lstrip().startswith("{"):
        yield from ((number, parse_object(line, f"{name}:{number}")) for number, line in rows if line.strip())
    elif _END_OF_TURN in start[1]:
        yield from ((number, {"turns": [turn.strip() for turn in line.split(_END_OF_TURN) if turn.strip()]}) for number, line in rows if line.strip())
    else:
        for has_text, group in itertools.groupby(rows, key=lambda row: bool(row[1].strip())):
            turns = [(number, line.strip()) for number, line in group] if has_text else []
            if turns:
                yield turns[0][0], {"turns": [text for _, text in turns]}


def _object(element: Any, where: str) -> dict[str, Any]:
    if not isinstance(element, dict):
        raise DataError(f"{where} is {str(element)[:60]!r}, not an object with a list of turns. Correct it.")
    return element
