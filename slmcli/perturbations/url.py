"""An address of the web beside a text."""

import string

import numpy as np

from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation, put_beside

_CHARACTERS = string.ascii_lowercase + string.digits
_LENGTH = 8  # our choice: as shortened addresses are


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    """Add an address in the domain that is kept for examples (RFC 2606, section 3)."""
    path = "".join(_CHARACTERS[place] for place in generator.integers(len(_CHARACTERS), size=_LENGTH))
    return put_beside(text, f"https://example.com/{path}", generator)


URL = Perturbation("url", "a web address", "a web address before or after the text", _change, EVERY_SCRIPT)
