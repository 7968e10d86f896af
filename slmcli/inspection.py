"""What can be said of single examples: counts that add up over blocks of a corpus, however large."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from slmcli.reading import Example

ROWS_SHOWN = 3
_EXCERPT_CHARACTERS = 80
_HAN = "\u3400-\u9fff\uf900-\ufaff"
_SCRIPTS = {
    "Latin": "A-Za-z\u00c0-\u024f",
    "Han": _HAN,
    "Kana": "\u3040-\u30ff",
    "Hangul": "\uac00-\ud7af",
    "Cyrillic": "\u0400-\u04ff",
    "Greek": "\u0370-\u03ff",
    "Arabic": "\u0600-\u06ff",
    "Hebrew": "\u0590-\u05ff",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
}
_SCRIPT_PATTERNS = {name: re.compile(f"[{ranges}]") for name, ranges in _SCRIPTS.items()}
_HAN_PATTERN = re.compile(f"[{_HAN}]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]{0,200}>|&(?:#\d+|#x[0-9a-fA-F]+|amp|lt|gt|quot|nbsp|apos);")
# UTF-8 read as Latin-1 or Windows-1252, UTF-8 read as GBK, and what decoders put in the place of bytes they cannot read
_MOJIBAKE = re.compile("Ã[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u0192\u02c6\u2013-\u2122]|â€|Â[\u00a0-\u00bf]|ï»¿|锟斤拷|烫烫烫|\ufffd")
_LOOKALIKES = re.compile("[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]")


@dataclass
class Tally:
    """Examples of one kind: how many, and the first few as "file:row: excerpt"."""

    count: int = 0
    rows: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, count: int, examples: Iterable[tuple[Example, str]]) -> "Tally":
        """Return a tally of `count` examples of which the first are given, each with the text to show."""
        return cls(count, [_row(example, text) for example, text in examples])

    def add(self, example: Example, text: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.rows) < ROWS_SHOWN:
            self.rows.append(_row(example, text))

    def merge(self, later: "Tally") -> None:
        """Add examples that come behind."""
        self.count += later.count
        self.rows = [*self.rows, *later.rows][:ROWS_SHOWN]


class Inspection:
    """Observations of one split.

    Attributes:
        task: Name of the task.
        examples: Number of examples.
        labels: Label, or tag, to the number of examples that have it, or for tags the number of words.
        labelled: Label to its first few examples.
        words: Length in words to the number of examples; Han characters are words of their own.
        scripts: Script to the number of examples of which most letters belong to it.
        tallies: Id of a finding to the examples it concerns.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        self.examples = 0
        self.labels: Counter[str] = Counter()
        self.labelled: dict[str, list[str]] = {}
        self.words: Counter[int] = Counter()
        self.scripts: Counter[str] = Counter()
        self.tallies: dict[str, Tally] = {}

    def add(self, example: Example, *, is_empty: bool = False) -> None:
        """Look at one example; `is_empty` says that nothing of it is left after cleaning."""
        self.examples += 1
        text = _text_of(example)
        self.words[_count_words(text)] += 1
        if text.strip():
            self.scripts[_script(text)] += 1
        for finding in (*_odd_text(text, is_empty), *self._odd_target(example, text)):
            self.tallies.setdefault(finding, Tally()).add(example, text)

    def merge(self, later: "Inspection") -> None:
        """Add what was seen in examples that come behind."""
        self.examples += later.examples
        self.labels.update(later.labels)
        self.words.update(later.words)
        self.scripts.update(later.scripts)
        for label, rows in later.labelled.items():
            self.labelled[label] = [*self.labelled.get(label, ()), *rows][:ROWS_SHOWN]
        for finding, tally in later.tallies.items():
            self.tallies.setdefault(finding, Tally()).merge(tally)

    def _count(self, labels: Iterable[str], example: Example, text: str) -> None:
        for label in labels:
            self.labels[label] += 1
            rows = self.labelled.setdefault(label, [])
            if len(rows) < ROWS_SHOWN:
                rows.append(_row(example, text))

    def _odd_target(self, example: Example, text: str) -> Iterable[str]:
        values = example.values
        if self.task == "ner":
            self._count(values.get("tags") or (), example, text)
            yield from _tags(values.get("tokens") or [], values.get("tags"))
        elif self.task == "qa":
            yield from _answers(values.get("context") or "", values.get("answers"))
        elif self.task == "translation":
            yield from _translation(values.get("source") or "", values.get("target"))
        elif self.task == "multilabel":
            self._count(values.get("labels") or (), example, text)
            yield from ("missing_label",) if values.get("labels") is None else ()
        elif self.task == "similarity":
            yield from ("missing_label",) if values.get("score") is None else ()
        elif self.task == "dialogue":
            yield from ("missing_label",) if not values.get("response") else ()
        elif self.task != "language-model":
            label = values.get("label")
            yield from ("missing_label",) if label is None else ("swapped_columns",) if len(label) > max(40, len(text)) else ()
            self._count(() if label is None else (label,), example, text)


def _tags(tokens: Sequence[str], tags: Sequence[str] | None) -> Iterable[str]:
    if tags is None:
        yield "missing_label"
    elif len(tags) != len(tokens):
        yield "tags_differ_in_number"
    elif any(_is_invalid(before, tag) for before, tag in zip(["O", *tags], tags, strict=False)):
        yield "invalid_transition"


def _text_of(example: Example) -> str:
    """Return the text of an example that a reader would look at."""
    values = example.values
    tokens = values.get("tokens")
    if tokens is not None:
        return " ".join(tokens)
    turns = values.get("context")
    if isinstance(turns, list):
        return "\n".join(turns)
    return values.get("text") or values.get("source") or turns or ""


def _count_words(text: str) -> int:
    if text.isascii():
        return len(text.split())
    han = len(_HAN_PATTERN.findall(text))
    return han + len(_HAN_PATTERN.sub(" ", text).split()) if han else len(text.split())


def _script(text: str) -> str:
    if text.isascii():
        return "Latin" if _SCRIPT_PATTERNS["Latin"].search(text) else "none"
    sample = text[:500]
    counts = {name: len(pattern.findall(sample)) for name, pattern in _SCRIPT_PATTERNS.items()}
    name = max(counts, key=lambda script: counts[script])
    return name if counts[name] else "none"


def _odd_text(text: str, is_empty: bool) -> Iterable[str]:
    if is_empty or not text.strip():
        yield "whitespace_only" if text and not text.strip() else "empty_text"
        return
    if _CONTROL.search(text):
        yield "control_characters"
    if ("<" in text or "&" in text) and _MARKUP.search(text):
        yield "markup"
    if not text.isascii():
        if _MOJIBAKE.search(text):
            yield "mojibake"
        if _LOOKALIKES.search(text):
            yield "mixed_scripts"


def _is_invalid(before: str, tag: str) -> bool:
    """Say whether a tag cannot follow in the BIO scheme (Ramshaw & Marcus 1995, as IOB2)."""
    if tag.startswith("I-"):
        return before[:2] not in ("B-", "I-") or before[2:] != tag[2:]
    return tag != "O" and not tag.startswith("B-")


def _answers(context: str, answers: dict[str, list] | None) -> Iterable[str]:
    if answers is None:
        yield "missing_label"
        return
    pairs = list(zip(answers["text"], answers["answer_start"], strict=True))
    if any(start < 0 or context[start : start + len(text)] != text for text, start in pairs):
        yield "answer_not_found"


def _translation(source: str, target: str | None) -> Iterable[str]:
    if not target:
        yield "missing_label"
    elif source == target and len(source.split()) > 1:
        yield "identical_pair"
    # our choice: translations of one sentence differ in length by less, Chinese and English included
    elif source and max(len(source), len(target)) > 20 + 6 * min(len(source), len(target)):
        yield "length_ratio"


def _row(example: Example, text: str) -> str:
    return f"{example.source}:{example.row}: {_excerpt(text)}"


def _excerpt(text: str) -> str:
    line = " ".join(text[: 10 * _EXCERPT_CHARACTERS].split())
    return line if len(line) <= _EXCERPT_CHARACTERS else line[: _EXCERPT_CHARACTERS - 1] + "…"
