"""Cleaning inside a TensorFlow graph: the steps that come out character for character as in training."""

from collections.abc import Sequence
from typing import Any  # Any: tensors and tables

import tensorflow as tf

from slmcli.character_tables import lower_case, sigma_neighbours, spaces
from slmcli.graph_markup import names_of_references, remove_markup
from slmcli.graph_normalization import normalize
from slmcli.graph_texts import Texts, after, first_from, last_before, look_up, replace, when

# cleaning step -> Unicode form
_FORMS = {"nfc": "NFC", "nfd": "NFD", "nfkc": "NFKC"}
_SIGMA, _SMALL_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C3, 0x3C2


class GraphCleaner:
    """Cleaning steps in their order; whoever traces `clean` must keep `tables`."""

    def __init__(self, steps: Sequence[str]) -> None:
        self._steps = list(steps)
        self.tables = [names_of_references()] if "markup" in steps else []

    def clean(self, texts: Texts) -> Texts:
        """Return the texts after the steps."""
        for step in self._steps:
            texts = self._apply(step, texts)
        return texts

    def _apply(self, step: str, texts: Texts) -> Texts:
        if step in _FORMS:
            return when(texts, tf.reduce_any(texts.codes > 0x7F), lambda texts: normalize(texts, _FORMS[step]))
        if step == "markup":
            return remove_markup(texts, self.tables[0])
        return _lower(texts) if step == "lowercase" else _collapse(texts)


def _lower(texts: Texts) -> Texts:
    """Fold upper case to lower case, the final sigma by its neighbours, as `str.lower` does."""
    texts = when(texts, tf.reduce_any(texts.codes == _SIGMA), _lower_sigmas)
    return replace(texts, lower_case())


def _lower_sigmas(texts: Texts) -> Texts:
    """Lower capital sigmas only; the final form stands behind a cased character and before none, others between passed over.

    Source: Unicode 15, table 3-17, Final_Sigma.
    """
    cased_table, passed_table = sigma_neighbours()
    is_seen = ~look_up(passed_table, texts.codes)
    is_cased = look_up(cased_table, texts.codes)
    length = tf.shape(texts.codes)[0]
    left, right = last_before(is_seen), first_from(is_seen)[1:]
    follows = (left >= 0) & _holds(is_cased, left, texts.rows)
    precedes = (right < length) & _holds(is_cased, right, texts.rows)
    small = tf.where(follows & ~precedes, _FINAL_SIGMA, _SMALL_SIGMA)
    return Texts(tf.where(texts.codes == _SIGMA, small, texts.codes), texts.rows, texts.batch)


def _holds(flags: Any, wanted: Any, rows: Any) -> Any:
    """Say of each character whether a flag is set at another one, which must be of the same text."""
    inside = tf.clip_by_value(wanted, 0, tf.shape(rows)[0] - 1)
    return tf.gather(flags, inside) & (tf.gather(rows, inside) == rows)


def _collapse(texts: Texts) -> Texts:
    """Make one space of every run of white space between other characters, and nothing of one at an end."""
    is_space = look_up(spaces(), texts.codes)
    seen = last_before(~is_space)
    is_behind = (seen >= 0) & (tf.gather(texts.rows, tf.maximum(seen, 0)) == texts.rows)
    is_before = ~after(is_space, texts.rows, True)
    codes = tf.where(is_space, ord(" "), texts.codes)
    return Texts(codes, texts.rows, texts.batch).keep(~is_space | (is_behind & is_before))
