"""An emoji beside a text that says nothing about what its writer feels."""

import numpy as np

from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation, choose

_NEUTRAL = "📌📎📷🕒📅📝🚪🪑🧦🧵🔢🔤⌚🗂"


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    return f"{text} {choose(_NEUTRAL, generator)}"


EMOJI = Perturbation("emoji", "an emoji", "an emoji without feeling after the text", _change, EVERY_SCRIPT)
