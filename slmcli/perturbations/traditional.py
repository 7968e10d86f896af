"""Chinese in traditional characters; what is traditional already in simplified ones."""

import numpy as np

from slmcli.perturbations.base import Perturbation, edit
from slmcli.word_cleaning import conversion_edits


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    traditional = edit(text, conversion_edits("s2t")(text))
    return traditional if traditional != text else edit(text, conversion_edits("t2s")(text))


TRADITIONAL = Perturbation(
    "traditional",
    "traditional characters",
    "simplified characters written as traditional ones, or the other way round",
    _change,
    ("han",),
    package="opencc",
)
