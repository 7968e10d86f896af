"""One finding of the data report, and what can be wrong with single texts, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from slmcli.inspection import Inspection, Tally


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        id: Stable name.
        severity: "error" makes training meaningless; "warning" may cost quality; "note" is worth knowing.
        count: Examples concerned.
        message: What was found.
        action: What to do.
        rows: Up to three examples, as "file:row: excerpt".
    """

    id: str
    severity: Literal["error", "warning", "note"]
    count: int
    message: str
    action: str
    rows: list[str]


# id -> severity, what is wrong with one text, with several, what to do
_OF_TEXTS: dict[str, tuple[Literal["warning", "note"], str, str, str]] = {
    "swapped_columns": (
        "warning", "is shorter than its label", "are shorter than their label",
        "Text and label columns may be exchanged: name them with --text-column and --label-column.",
    ),
    "missing_label": (
        "warning", "has nothing to predict: no label or target", "have nothing to predict: no label or target",
        "Dropped by slm preprocess; name the right column with --label-column, or with --column FIELD=NAME.",
    ),
    "tags_differ_in_number": (
        "warning", "has more or fewer tags than words", "have more or fewer tags than words", "Dropped by slm preprocess; correct the tags.",
    ),
    "invalid_transition": (
        "warning", "has a tag that cannot follow the one before", "have a tag that cannot follow the one before",
        "An entity begins with B-X and goes on with I-X of the same X. Correct the tags.",
    ),
    "answer_not_found": (
        "warning", "has no answer that stands where answer_start says", "have no answer that stands where answer_start says",
        "Correct answer_start: it counts characters of the context, from 0.",
    ),
    "alternative_not_found": (
        "warning", "has an answer that stands where answer_start says, and another that does not",
        "have an answer that stands where answer_start says, and another that does not",
        "The first that stands there is used; correct answer_start of the others.",
    ),
    "length_ratio": (
        "warning", "is six times as long as its translation, or a sixth", "are six times as long as their translation, or a sixth",
        "Look whether the lines still belong together.",
    ),
    "identical_pair": (
        "warning", "is equal to its translation", "are equal to their translation",
        "Translate again, or remove the pair, unless it is a name or a number.",
    ),
    "mojibake": (
        "warning", "looks wrongly decoded", "look wrongly decoded",
        "Read the original with the encoding it was written in (--encoding), or repair the texts, with ftfy for instance.",
    ),
    "mixed_scripts": (
        "warning", "mixes Latin and Cyrillic letters in a word", "mix Latin and Cyrillic letters in a word",
        "Look for spam and recognition errors, and correct the letters.",
    ),
    "control_characters": (
        "warning", "has control or invisible characters", "have control or invisible characters",
        "Remove these characters, unless they mean something.",
    ),
    "empty_text": ("warning", "is empty after cleaning", "are empty after cleaning", "Dropped by slm preprocess."),
    "whitespace_only": (
        "warning", "holds nothing but white space", "hold nothing but white space",
        "Dropped by slm preprocess where cleaning leaves nothing of them.",
    ),
    "markup": ("note", "has what looks like HTML tags or entities", "have what looks like HTML tags or entities", ""),
}  # fmt: skip
# our choice: fewer hardly change what a model learns
_RARE = 0.001
_OF_MARKUP = {True: "The cleaning step markup removes them.", False: "They stay as they are; put markup into --cleaning to remove them."}


def check_tallies(inspections: Mapping[str, Inspection], *, is_markup_removed: bool) -> Iterable[Finding]:
    """Yield what is wrong with single texts, over all splits; what is wrong with very few is no more than a note."""
    examples = sum(found.examples for found in inspections.values())
    for finding, (severity, one, several, action) in _OF_TEXTS.items():
        together = Tally()
        for found in inspections.values():
            together.merge(found.tallies.get(finding, Tally()))
        if together.count:
            message = f"{count_texts(together.count)} {one if together.count == 1 else several}."
            is_rare = together.count < _RARE * examples
            yield Finding(finding, "note" if is_rare else severity, together.count, message, action or _OF_MARKUP[is_markup_removed], together.rows)


def stand(count: int) -> str:
    """Return the verb for so many texts."""
    return "stands" if count == 1 else "stand"


def count_texts(count: int) -> str:
    """Return a number of texts in words."""
    return "1 text" if count == 1 else f"{count:,} texts"
