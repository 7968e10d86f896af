"""A sentence beside a text that is about nothing and praises nothing."""

import numpy as np

from slmcli.perturbations.base import WITH_WORDS, Perturbation, choose, script_of

_ENGLISH = (
    "I am writing this on a Tuesday.",
    "It is the middle of the month.",
    "This is the second thing I am writing today.",
    "I am sitting at a table while I write.",
    "It is a quarter past ten now.",
    "There are seven days in a week.",
    "I will add nothing else.",
    "This text has a few lines.",
)
_CHINESE = (
    "今天是星期二。",
    "现在是十点一刻。",
    "我正坐在桌子旁边写字。",
    "一个星期有七天。",
    "这是我今天写的第二段话。",
    "这个月过了一半。",
    "别的我就不多说了。",
    "这段话有几行字。",
)


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    """Put the sentence before a text, or behind it, with a full stop between them where the text ends in a word."""
    is_chinese = script_of(text) == "han"
    sentence, stop, space = (choose(_CHINESE, generator), "。", "") if is_chinese else (choose(_ENGLISH, generator), ".", " ")
    if generator.integers(2):
        return f"{sentence}{space}{text}"
    return f"{text}{stop if text[-1].isalnum() else ''}{space}{sentence}"


NEUTRAL_SENTENCE = Perturbation("neutral_sentence", "a neutral sentence", "a sentence about nothing before or after the text", _change, WITH_WORDS)
