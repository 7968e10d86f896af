"""What a person reads of an explanation in a terminal."""

import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any  # Any: an explanation is a JSON document

from rich.console import Console
from rich.table import Table
from rich.text import Text

from slmcli.character_cleaning import SURROGATES
from slmcli.explanation_words import (
    Strength,
    deletion_sentence,
    exchange_sentences,
    flip_sentence,
    marked_words,
    mean_deletion_sentence,
    method_sentence,
    prediction_sentence,
    strongest,
)

_STYLES = {
    Strength.STRONGLY_FOR: "bold underline green",
    Strength.FOR: "underline green",
    Strength.NEITHER: "",
    Strength.AGAINST: "italic magenta",
    Strength.STRONGLY_AGAINST: "bold reverse magenta",
}
# our choice: a pipe has no width; what reads it wants one line a sentence
_NO_WIDTH = 100_000


def show_explanation(result: Mapping[str, Any], *, top: int) -> None:
    """Print the explanations of texts, or the most important words of a corpus."""
    width = shutil.get_terminal_size((_NO_WIDTH, 24)).columns
    console = Console(file=sys.stdout, highlight=False, emoji=False, width=width)
    if "labels" in result:
        _show_corpus(console, result)
        return
    for place, text in enumerate(result["texts"]):
        if place:
            console.print()
        _show_text(console, text, result, top)


def _show_text(console: Console, text: Mapping[str, Any], result: Mapping[str, Any], top: int) -> None:
    console.print(Text(prediction_sentence(text)))
    if text["words"]:
        console.print()
        console.print(_marked(text))
        console.print()
        console.print(_legend(text))
        console.print(_table(strongest(text["words"], top)))
    sentences = (method_sentence(text, result["method"]), deletion_sentence(text), flip_sentence(text), *exchange_sentences(text))
    for line in (*text["notes"], *sentences):
        if line:
            console.print(Text(_printable(line)))


def _marked(text: Mapping[str, Any]) -> Text:
    """Return the texts with their words marked: for the label underlined, against it slanted or on a ground; signs where that is all there is."""
    marked = Text()
    for place, (whole, words) in enumerate(marked_words(text)):
        marked.append("\n\n" if place else "")
        position = 0
        for word, strength in words:
            marked.append(_printable(whole[position : word["start"]]))
            marked.append(_printable(whole[word["start"] : word["end"]]), _STYLES[strength])
            marked.append(strength.sign)
            position = word["end"]
        marked.append(_printable(whole[position:]))
    return marked


def _printable(text: str) -> str:
    """Return a text without what would steer a terminal; what is no character becomes its sign."""
    return "".join(character for character in SURROGATES.apply(text) if character in "\n\t" or unicodedata.category(character) != "Cc")


def _legend(text: Mapping[str, Any]) -> Text:
    legend = Text(f"{text['explained']}: ")
    for strength in Strength:
        if strength is not Strength.NEITHER:
            legend.append(f"{strength.meaning}{strength.sign}", _STYLES[strength])
            legend.append("  ")
    return legend


def _table(words: Sequence[Mapping[str, Any]]) -> Table:
    table = Table()
    table.add_column("word")
    if any("field" in word for word in words):
        table.add_column("of")
    table.add_column("weight", justify="right")
    for word in words:
        place = [word["field"]] if "field" in word else []
        table.add_row(Text(_printable(" ".join(word["word"].split()))), *place, f"{word['weight']:+.4f}")
    return table


def _show_corpus(console: Console, result: Mapping[str, Any]) -> None:
    where = f"{result['split']} split" if "split" in result else ", ".join(result["data"])
    console.print(Text(f"{result['method']}: {result['explained']:,} of {result['texts']:,} texts explained ({where})"))
    for label, found in result["labels"].items():
        table = Table(title=Text(f"{label} ({found['texts']:,} texts)"), title_justify="left")
        for name in ("for", "mean weight", "times", "against", "mean weight", "times"):
            table.add_column(name, justify="left" if name in ("for", "against") else "right")
        for row in range(max(len(found["for"]), len(found["against"]))):
            table.add_row(*_cells(found["for"], row), *_cells(found["against"], row))
        console.print(table)
    console.print(Text(mean_deletion_sentence(result)))


def _cells(words: Sequence[Mapping[str, Any]], row: int) -> tuple[Text, str, str]:
    if row >= len(words):
        return Text(""), "", ""
    word = words[row]
    return Text(_printable(word["word"])), f"{word['weight']:+.4f}", f"{word['count']:,}"
