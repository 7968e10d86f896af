"""Somebody mentioned beside a text."""

import numpy as np

from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation, choose, put_beside, script_of

_NAMES = ("alex", "sam_w", "jo_k", "robin", "kim_lee", "m_smith", "chris", "pat_b", "user", "lee_t")
_CHINESE_NAMES = ("小王", "阿明", "李雷", "小陈", "张三", "老周", "小林", "阿华")


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    names = _CHINESE_NAMES if script_of(text) == "han" else _NAMES
    return put_beside(text, f"@{choose(names, generator)}{generator.integers(10, 100)}", generator)


MENTION = Perturbation("mention", "a mention", "somebody mentioned (@name) before or after the text", _change, EVERY_SCRIPT)
