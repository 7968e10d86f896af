"""Unicode normalisation forms inside a TensorFlow graph."""

from typing import Any  # Any: tensors

import tensorflow as tf

from slmcli.character_tables import combining_classes, compositions, decompositions, seconds
from slmcli.graph_texts import Texts, before, last_before, look_up, places, replace, when

_CODES = 0x110000
_CLASSES = 256


def normalize(texts: Texts, form: str) -> Texts:
    """Return the texts in form `NFC`, `NFD` or `NFKC`.

    Source: Unicode Standard Annex 15, and chapter 3.11: decompose, order the marks, compose.
    """
    texts = replace(texts, decompositions(is_compatible="K" in form))
    classes = look_up(combining_classes(), texts.codes)
    is_misplaced = (classes > 0) & (before(classes, texts.rows, 0) > classes)
    texts = when(texts, tf.reduce_any(is_misplaced), _order)
    return texts if form.endswith("D") else _compose(texts)


def _order(texts: Texts) -> Texts:
    """Sort the marks behind each character by their combining class, those of one class as they stand."""
    classes = tf.cast(look_up(combining_classes(), texts.codes), tf.int64)
    begins = (classes == 0) | (before(texts.rows, texts.rows, -1) < 0)
    clusters = tf.cumsum(tf.cast(begins, tf.int64))
    length = tf.cast(tf.shape(texts.codes)[0], tf.int64)
    # a place in each key keeps what is equal in order
    keys = tf.sort((clusters * _CLASSES + classes) * length + tf.range(length))
    return Texts(tf.gather(texts.codes, keys % length), texts.rows, texts.batch)


def _compose(texts: Texts) -> Texts:
    """Join characters with what follows until nothing can be joined, in each round the first of each cluster.

    No character that starts a cluster and joins the one before it can itself be joined from behind, so that clusters do not
    depend on each other.
    """

    def again(codes: Any, rows: Any, changed: Any) -> Any:
        return changed

    def round_(codes: Any, rows: Any, changed: Any) -> tuple[Any, Any, Any]:
        return _compose_first(codes, rows)

    can = tf.reduce_any(look_up(seconds(), texts.codes))
    shapes = (tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([]))
    codes, rows, _ = tf.while_loop(again, round_, (texts.codes, texts.rows, can), shape_invariants=shapes)
    return Texts(codes, rows, texts.batch)


def _compose_first(codes: Any, rows: Any) -> tuple[Any, Any, Any]:
    """Join each starter with the first that can join it; return codes, rows, and whether any did."""
    keys, composites = compositions()
    joining = tf.cast(tf.where(_is_open(codes, rows) & look_up(seconds(), codes))[:, 0], tf.int32)
    starters = tf.gather(last_before(look_up(combining_classes(), codes) == 0), joining)
    wanted = tf.cast(tf.gather(codes, starters), tf.int64) * _CODES + tf.cast(tf.gather(codes, joining), tf.int64)
    found = tf.minimum(tf.searchsorted(tf.constant(keys), wanted), len(keys) - 1)
    fits = tf.gather(tf.constant(keys), found) == wanted
    starters, joining, found = (tf.boolean_mask(each, fits) for each in (starters, joining, found))
    is_first = before(starters, tf.zeros_like(starters), -1) != starters
    starters, joining, found = (tf.boolean_mask(each, is_first) for each in (starters, joining, found))
    codes = tf.tensor_scatter_nd_update(codes, starters[:, None], tf.gather(tf.constant(composites), found))
    is_kept = tf.tensor_scatter_nd_update(tf.ones_like(codes, tf.bool), joining[:, None], tf.zeros_like(joining, tf.bool))
    return tf.boolean_mask(codes, is_kept), tf.boolean_mask(rows, is_kept), tf.shape(joining)[0] > 0


def _is_open(codes: Any, rows: Any) -> Any:
    """Say of each character whether nothing stands in the way between it and the starter before it (Unicode 15, definition D115)."""
    classes = look_up(combining_classes(), codes)
    starters = last_before(classes == 0)
    has_starter = (starters >= 0) & (tf.gather(rows, tf.maximum(starters, 0)) == rows)
    is_beside = starters == places(codes) - 1
    return has_starter & (is_beside | (before(classes, rows, 0) < classes))
