"""Texts split into pretokens inside a TensorFlow graph: by what stands beside each character."""

from dataclasses import dataclass
from typing import Any  # Any: tensors

import tensorflow as tf

from slmcli.character_tables import spaces, word_characters
from slmcli.graph_texts import Texts, after, before, is_first, last_before, look_up, places

_HAN = ((0x3400, 0x9FFF), (0xF900, 0xFAFF))  # `pretokens.HAN`
_APOSTROPHES = (ord("'"), ord("\u2019"))
# the longest parts of `pretokens.LOSSLESS_PATTERN`
_LONGEST_WORD, _LONGEST_RUN = 64, 16
_NONE, _WORD, _SIGN, _SPACE, _IDEOGRAPH = range(5)


@dataclass(frozen=True)
class Pretokens:
    """A batch of texts in parts.

    Attributes:
        texts: The characters of all parts.
        parts: (characters,) int32, which part each belongs to, from 0 on; never falling.
        rows: (parts,) int32, which text each part belongs to.
    """

    texts: Texts
    parts: Any
    rows: Any


def split_words(texts: Texts) -> Pretokens:
    """Split as `pretokens.WORD_PATTERN` does: Han characters one by one, words with inner apostrophes, single signs."""
    kinds = _kinds(texts)
    is_word = kinds == _WORD
    is_apostrophe = tf.reduce_any(texts.codes[:, None] == tf.constant(_APOSTROPHES), 1)
    is_inner = is_apostrophe & before(is_word, texts.rows, False) & after(is_word, texts.rows, False)
    is_inside = is_word | is_inner
    begins = ~is_inside | ~before(is_inside, texts.rows, False)
    return _parts(texts, begins, is_kept=kinds != _SPACE)


def split_runs(texts: Texts) -> Pretokens:
    """Split as `word.WORDPUNCT_PATTERN` does: runs of what `re` counts as parts of words, and runs of signs."""
    is_word = look_up(word_characters(), texts.codes)
    kinds = tf.where(is_word, _WORD, tf.where(look_up(spaces(), texts.codes), _SPACE, _SIGN))
    return _parts(texts, before(kinds, texts.rows, _NONE) != kinds, is_kept=kinds != _SPACE)


def split_at_spaces(texts: Texts) -> Pretokens:
    """Split as `str.split` does."""
    is_space = look_up(spaces(), texts.codes)
    return _parts(texts, before(is_space, texts.rows, True) & ~is_space, is_kept=~is_space)


def split_lossless(texts: Texts) -> Pretokens:
    """Split as `pretokens.LOSSLESS_PATTERN` does: words, runs of Han and of signs with the space before them, and other space."""
    kinds = _settle(texts, _kinds(texts), look_up(word_characters(), texts.codes))
    is_run = before(kinds, texts.rows, _NONE) != kinds
    run_begins = tf.gather(tf.where(is_run)[:, 0], tf.cumsum(tf.cast(is_run, tf.int32)) - 1)
    longest = tf.where(kinds == _WORD, _LONGEST_WORD, _LONGEST_RUN)
    is_cut = (kinds != _SPACE) & ((places(kinds) - tf.cast(run_begins, tf.int32)) % longest == 0)
    is_lone = (kinds == _SPACE) & (texts.codes == ord(" ")) & is_run & (after(kinds, texts.rows, _SPACE) != _SPACE)
    begins = (is_cut & ~before(is_lone, texts.rows, False)) | ((kinds == _SPACE) & is_run)
    return _parts(texts, begins, is_kept=tf.ones_like(begins))


def _kinds(texts: Texts) -> Any:
    """Return (characters,) int32, what each is: Han before all else."""
    is_han = tf.zeros_like(texts.codes, tf.bool)
    for first, last in _HAN:
        is_han |= (texts.codes >= first) & (texts.codes <= last)
    is_word = look_up(word_characters(), texts.codes)
    others = tf.where(is_word, _WORD, tf.where(look_up(spaces(), texts.codes), _SPACE, _SIGN))
    return tf.where(is_han, _IDEOGRAPH, others)


def _settle(texts: Texts, kinds: Any, is_word: Any) -> Any:
    """Return the kinds with those signs settled that count as Han: behind signs that go on they are signs, elsewhere Han.

    There are few of them, hexagrams above all, so that one after the other is fast enough.
    """
    open_ = tf.cast(tf.where((kinds == _IDEOGRAPH) & ~is_word)[:, 0], tf.int32)
    row_begins = tf.gather(tf.where(is_first(texts.rows))[:, 0], tf.cumsum(tf.cast(is_first(texts.rows), tf.int32)) - 1)

    def settle(number: Any, kinds: Any) -> tuple[Any, Any]:
        place = open_[number]
        begin = tf.maximum(last_before(kinds != _SIGN)[place] + 1, tf.cast(row_begins[place], tf.int32))
        kind = tf.where((place - begin) % _LONGEST_RUN != 0, _SIGN, _IDEOGRAPH)
        return number + 1, tf.tensor_scatter_nd_update(kinds, [[place]], [kind])

    return tf.while_loop(lambda number, _: number < tf.shape(open_)[0], settle, (0, kinds))[1]


def _parts(texts: Texts, begins: Any, *, is_kept: Any) -> Pretokens:
    """Return the parts that begin at some characters, of those that are kept."""
    kept = texts.keep(is_kept)
    begins = tf.boolean_mask(begins, is_kept)
    return Pretokens(kept, tf.cumsum(tf.cast(begins, tf.int32)) - 1, tf.boolean_mask(kept.rows, begins))
