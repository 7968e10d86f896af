"""Remains of HTML, as careless copies of web pages have them."""

import re

import numpy as np

from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation, choose, edit, fixed_spans, pick

_GAPS = re.compile(r"(?<=\S) (?=\S)|(?<=[。！？，,.!?])(?=\w)")
_REMAINS = ("<br />", "<br>", "&nbsp;", "<br /><br />")


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    taken = {place for start, end in fixed_spans(text) for place in range(start, end + 1)}
    gaps = [match.span() for match in _GAPS.finditer(text) if match.start() not in taken]
    if not gaps:
        return f"<p>{text}</p>"
    chosen = [gaps[place] for place in pick(len(gaps), generator, share=share, words=len(gaps))]
    return edit(text, [(start, end, choose(_REMAINS, generator)) for start, end in chosen])


MARKUP = Perturbation("markup", "remains of HTML", "remains of HTML: <br />, &nbsp;, <p>", _change, EVERY_SCRIPT)
