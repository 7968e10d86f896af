"""Lines that end as they do on Windows."""

import re

import numpy as np

from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation, edit

_LINE_FEEDS = re.compile(r"(?<!\r)\n")
_ENDS_OF_SENTENCES = re.compile(r"(?<=[.!?]) +(?=\S)|(?<=[。！？])(?=[^\s。！？”’」』）])")


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    """Return a text with Windows line ends; one without lines gets one after every sentence."""
    if _LINE_FEEDS.search(text):
        return _LINE_FEEDS.sub("\r\n", text)
    return edit(text, [(*match.span(), "\r\n") for match in _ENDS_OF_SENTENCES.finditer(text)]) + "\r\n"


LINE_ENDS = Perturbation("line_ends", "Windows line ends", "Windows line ends, after every sentence where there were none", _change, EVERY_SCRIPT)
