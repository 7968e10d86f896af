"""What can be said of single examples: counts that add up over blocks of a corpus, however large."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from slmcli.reading import Example

ROWS_SHOWN = 3
_EXCERPT_CHARACTERS = 80
_SCORES_KEPT = 2
# our choice: characters before the place that an excerpt is about
_CHARACTERS_BEFORE = 30
# the fields of an example that are texts, in the order in which a reader would want them
_TEXT_FIELDS = ("text", "text_pair", "question", "context", "source", "target", "response")
# our choice: Chinese texts hold less Kana, as ornament, and Japanese ones more
_KANA_OF_JAPANESE = 0.1
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
# control characters, and what is not seen: soft hyphen, zero-width space, word joiner, byte order mark, overrides of direction
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
# what must not reach a terminal, or would not be seen there
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]{0,200}>|&(?:#\d+|#x[0-9a-fA-F]+|amp|lt|gt|quot|nbsp|apos);")
# UTF-8 read as Latin-1 or Windows-1252, Windows-1252 read as Latin-1, UTF-8 read as GBK, and what decoders put in the place of bytes they cannot read
_MOJIBAKE = re.compile(
    "[\x80-\x9f]|Ã[\u00a0-\u00bf\u0152\u0153\u0160\u0161\u0178\u0192\u02c6\u2013-\u2122]|â€|Â[\u00a0-\u00bf]|ï»¿|锟斤拷|烫烫烫烫|\ufffd"
)
_SPACES = re.compile(r"[ \t\n\r\v\f\u3000]+")
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

    def add(self, example: Example, text: str, place: int = 0) -> None:
        """Count one more, shown by the part of the text around the character at `place`."""
        self.count += 1
        if len(self.rows) < ROWS_SHOWN:
            self.rows.append(_row(example, text, place))

    def merge(self, later: "Tally") -> None:
        """Add examples that come behind."""
        self.count += later.count
        self.rows = [*self.rows, *later.rows][:ROWS_SHOWN]


class Inspection:
    """Observations of one split.

    Attributes:
        task: Name of the task.
        examples: Number of examples.
        dropped: Those that cannot be used, having no text or nothing to predict.
        labels: Label, or tag, to the number of examples that have it, or for tags the number of words.
        unseen: Labels that no training example has.
        label_words: Label to the words of all its examples together; empty for tags.
        entities: Type of entity to the number of entities, for tags.
        words: Length in words to the number of examples; Han characters are words of their own.
        scores: Some different numbers that are to be predicted: more than one where there is more than one.
        scripts: Script to the number of examples of which most letters belong to it.
        tallies: Id of a finding to the examples it concerns.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        self.examples = 0
        self.dropped = 0
        self.labels: Counter[str] = Counter()
        self.unseen: set[str] = set()
        self.label_words: Counter[str] = Counter()
        self.entities: Counter[str] = Counter()
        self.words: Counter[int] = Counter()
        self.scores: set[float] = set()
        self.scripts: Counter[str] = Counter()
        self.tallies: dict[str, Tally] = {}

    def add(self, example: Example, *, is_empty: bool = False, is_usable: bool = True, unseen: Sequence[str] = ()) -> None:
        """Look at one example.

        Args:
            example: The example.
            is_empty: Nothing of it is left after cleaning.
            is_usable: A model can be trained on it.
            unseen: Those of its labels that no training example has.
        """
        self.examples += 1
        self.dropped += not is_usable
        text = text_of(example)
        words = _count_words(text)
        self.words[words] += 1
        if text.strip():
            self.scripts[_script(text)] += 1
        for finding, place in _odd_text(text, is_empty):
            self.tallies.setdefault(finding, Tally()).add(example, text, place)
        if unseen:
            self.unseen.update(unseen)
            self.tallies.setdefault("unseen_label", Tally()).add(example, text)
        for finding, shown in self._odd_target(example, text, words):
            self.tallies.setdefault(finding, Tally()).add(example, shown)

    def merge(self, later: "Inspection") -> None:
        """Add what was seen in examples that come behind."""
        self.examples += later.examples
        self.dropped += later.dropped
        self.label_words.update(later.label_words)
        self.entities.update(later.entities)
        self.labels.update(later.labels)
        self.words.update(later.words)
        self.scripts.update(later.scripts)
        self.unseen |= later.unseen
        self.scores |= later.scores
        for finding, tally in later.tallies.items():
            self.tallies.setdefault(finding, Tally()).merge(tally)

    def _odd_target(self, example: Example, text: str, words: int) -> Iterable[tuple[str, str]]:
        """Count what a model shall predict; yield ids of findings, each with what to show of the example."""
        values = example.values
        if self.task == "ner":
            self.labels.update(values.get("tags") or ())
            self.entities.update(_entities(values.get("tags") or ()))
            yield from _tags(values.get("tokens") or [], values.get("tags"))
        elif self.task == "qa":
            yield from _answers(values.get("context") or "", values.get("answers"), text)
        elif self.task == "translation":
            yield from _translation(values.get("source") or "", values.get("target"))
        elif self.task == "multilabel":
            self._count_labels(values.get("labels") or (), words)
            yield from (("missing_label", text),) if values.get("labels") is None else ()
        elif self.task in ("similarity", "score"):
            self._count_score(values.get("score"))
            yield from (("missing_label", text),) if values.get("score") is None else ()
        elif self.task == "dialogue":
            yield from (("missing_label", text),) if not values.get("response") else ()
        elif self.task != "language-model":
            label = values.get("label")
            self._count_labels(() if label is None else (label,), words)
            yield from (("missing_label", text),) if label is None else _swapped(text, label, words)

    def _count_score(self, score: float | None) -> None:
        if score is not None and len(self.scores) < _SCORES_KEPT:
            self.scores.add(score)

    def _count_labels(self, labels: Sequence[str], words: int) -> None:
        self.labels.update(labels)
        self.label_words.update(dict.fromkeys(labels, words))


def split_row(row: str) -> tuple[str, str]:
    """Return where the example of a finding stands, as "file:row", and its excerpt."""
    match = re.match(r"(.*?:\d+): ?(.*)", row, re.DOTALL)
    return (match[1], match[2]) if match else ("", row)


def _entities(tags: Sequence[str]) -> list[str]:
    """Return the type of each entity: one begins at B-, and at I- where it cannot go on."""
    return [
        tag[2:]
        for before, tag in zip(["O", *tags], tags, strict=False)
        if tag.startswith("B-") or (tag.startswith("I-") and _is_invalid(before, tag))
    ]


def _swapped(text: str, label: str, words: int) -> Iterable[tuple[str, str]]:
    """Find a label that is longer than its text and reads like a text; names of labels may be long, but are one word or few."""
    # our choice: 40 characters and four words are more than names of labels have
    if len(label) > max(40, len(text)) and _count_words(label) > max(4, words):
        yield "swapped_columns", _side_by_side(text, label)


def _tags(tokens: Sequence[str], tags: Sequence[str] | None) -> Iterable[tuple[str, str]]:
    if tags is None:
        yield "missing_label", " ".join(tokens)
    elif len(tags) != len(tokens):
        yield "tags_differ_in_number", f"{len(tokens)} words, {len(tags)} tags: {' '.join(tokens)}"
    else:
        wrong = next((place for place, (before, tag) in enumerate(zip(["O", *tags], tags, strict=False)) if _is_invalid(before, tag)), None)
        if wrong is not None:
            where = f"after {tags[wrong - 1]}" if wrong else "at the beginning"
            yield "invalid_transition", f"{tags[wrong]} {where}, word {wrong + 1}, {tokens[wrong]!r}: {' '.join(tokens)}"


def text_of(example: Example) -> str:
    """Return all texts of an example, one below the other, those first that tell it from others."""
    values = example.values
    if values.get("tokens") is not None:
        return " ".join(values["tokens"])
    found = [values.get(name) for name in _TEXT_FIELDS]
    return "\n".join("\n".join(text) if isinstance(text, list) else text for text in found if text)


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
    # Japanese is written in both, often with more Han than Kana
    if counts["Kana"] > _KANA_OF_JAPANESE * (counts["Kana"] + counts["Han"]):
        counts["Kana"] += counts["Han"]
    name = max(counts, key=lambda script: counts[script])
    return name if counts[name] else "none"


def _odd_text(text: str, is_empty: bool) -> Iterable[tuple[str, int]]:
    """Yield ids of findings, each with the place of the first character that is odd."""
    if is_empty or not text.strip():
        yield "whitespace_only" if text and not text.strip() else "empty_text", 0
        return
    if found := _CONTROL.search(text):
        yield "control_characters", found.start()
    if ("<" in text or "&" in text) and (found := _MARKUP.search(text)):
        yield "markup", found.start()
    if not text.isascii():
        if found := _MOJIBAKE.search(text):
            yield "mojibake", found.start()
        if found := _LOOKALIKES.search(text):
            yield "mixed_scripts", found.start()


def _is_invalid(before: str, tag: str) -> bool:
    """Say whether a tag cannot follow in the BIO scheme (Ramshaw & Marcus 1995, as IOB2)."""
    if tag.startswith("I-"):
        return before[:2] not in ("B-", "I-") or before[2:] != tag[2:]
    return tag != "O" and not tag.startswith("B-")


def _answers(context: str, answers: dict[str, list] | None, shown: str) -> Iterable[tuple[str, str]]:
    if answers is None:
        yield "missing_label", shown
        return
    pairs = list(zip(answers["text"], answers["answer_start"], strict=True))
    wrong = [(text, start) for text, start in pairs if _standing(context, text, start) != text]
    if wrong:
        # training takes the first answer that stands where it says
        is_lost = all(pair in wrong for pair in pairs if pair[0])
        text, start = wrong[0]
        there = _standing(context, text, start)
        yield "answer_not_found" if is_lost else "alternative_not_found", f"answer {text[:60]!r}, but {there[:60]!r} stands at {start}"


def _standing(context: str, text: str, start: int) -> str:
    """Return what stands where an answer should."""
    return context[start : start + len(text)] if start >= 0 else ""


def _translation(source: str, target: str | None) -> Iterable[tuple[str, str]]:
    if not target:
        yield "missing_label", source
    elif source == target and len(source.split()) > 1:
        yield "identical_pair", source
    # our choice: translations of one sentence differ in length by less, Chinese and English included
    elif source and max(len(source), len(target)) > 20 + 6 * min(len(source), len(target)):
        yield "length_ratio", _side_by_side(source, target)


def _side_by_side(first: str, second: str) -> str:
    half = _EXCERPT_CHARACTERS // 2 - 2
    return f"{excerpt(first, half)} | {excerpt(second, half)}"


def _row(example: Example, text: str, place: int = 0) -> str:
    start = max(0, place - _CHARACTERS_BEFORE)
    return f"{example.source}:{example.row}: {'…' if start else ''}{excerpt(text[start:], _EXCERPT_CHARACTERS - bool(start))}"


def excerpt(text: str, characters: int = _EXCERPT_CHARACTERS) -> str:
    """Return the beginning of a text on one line, with characters that are not seen written out."""
    line = _SPACES.sub(" ", text[: 10 * characters]).strip(" ")
    line = _UNPRINTABLE.sub(lambda match: ascii(match.group())[1:-1], line[: characters + 1])
    return line if len(line) <= characters else line[: characters - 1] + "…"
