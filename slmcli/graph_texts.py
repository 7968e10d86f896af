"""Texts inside a TensorFlow graph: a batch of them as one row of code points, and what can be asked of neighbours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any  # Any: tensors

import tensorflow as tf

from slmcli.character_tables import LONGEST_EXPANSION, Expansions, Table

_BLOCK = 256


@dataclass(frozen=True)
class Texts:
    """A batch of texts.

    Attributes:
        codes: (characters,) int32, the code points of the first text, then those of the second, and so on.
        rows: (characters,) int32, which text each belongs to; never falling.
        batch: () int32, the number of texts.
    """

    codes: Any
    rows: Any
    batch: Any

    def keep(self, is_kept: Any) -> "Texts":
        """Return the texts without some characters, given (characters,) bool."""
        return Texts(tf.boolean_mask(self.codes, is_kept), tf.boolean_mask(self.rows, is_kept), self.batch)


def decode(strings: Any) -> Texts:
    """Return texts of (batch,) strings; bytes that are no UTF-8 become U+FFFD."""
    ragged = tf.strings.unicode_decode(strings, "UTF-8")
    return Texts(ragged.values, tf.cast(ragged.value_rowids(), tf.int32), tf.shape(strings)[0])


def when(texts: Texts, is_needed: Any, step: Callable[[Texts], Texts]) -> Texts:
    """Return what a step makes of texts if () bool `is_needed`, else the texts."""

    def stepped() -> tuple[Any, Any]:
        result = step(texts)
        return result.codes, result.rows

    codes, rows = tf.cond(is_needed, stepped, lambda: (texts.codes, texts.rows))
    return Texts(codes, rows, texts.batch)


def look_up(table: Table, codes: Any) -> Any:
    """Return what a table says of each code point, in the shape of `codes`."""
    blocks = tf.gather(tf.constant(table.blocks), codes // _BLOCK)
    return tf.gather(tf.constant(table.values), blocks * _BLOCK + codes % _BLOCK)


def places(values: Any) -> Any:
    """Return (length,) int32, 0, 1, 2, … for each of (length, …) values."""
    return tf.range(tf.shape(values)[0])


def is_first(rows: Any) -> Any:
    """Say of each place whether a row begins there, given (length,) rows that never fall."""
    return tf.concat([tf.ones_like(rows[:1], tf.bool), rows[1:] != rows[:-1]], 0)


def is_last(rows: Any) -> Any:
    """Say of each place whether a row ends there."""
    return tf.concat([rows[1:] != rows[:-1], tf.ones_like(rows[:1], tf.bool)], 0)


def before(values: Any, rows: Any, fill: Any) -> Any:
    """Return the value before each place of the same row, and `fill` where a row begins."""
    shifted = tf.concat([values[:1], values[:-1]], 0)
    return tf.where(is_first(rows), tf.constant(fill, values.dtype), shifted)


def after(values: Any, rows: Any, fill: Any) -> Any:
    """Return the value behind each place of the same row, and `fill` where a row ends."""
    shifted = tf.concat([values[1:], values[-1:]], 0)
    return tf.where(is_last(rows), tf.constant(fill, values.dtype), shifted)


def last_before(flags: Any) -> Any:
    """Return (length,) int32, the last place before each where (length,) bool `flags` holds; -1: none."""
    found = tf.concat([[-1], tf.cast(tf.where(flags)[:, 0], tf.int32)], 0)
    return tf.gather(found, tf.cumsum(tf.cast(flags, tf.int32), exclusive=True))


def first_from(flags: Any) -> Any:
    """Return (length + 1,) int32, the first place from each on where `flags` holds; the length: none."""
    flags = tf.concat([flags, [True]], 0)
    found = tf.cast(tf.where(flags)[:, 0], tf.int32)
    return tf.gather(found, tf.cumsum(tf.cast(flags, tf.int32), exclusive=True))


def expand(texts: Texts, starts: Any, lengths: Any, pool: Any) -> Texts:
    """Put a slice of `pool`, which may be empty, in the place of each character.

    Args:
        texts: The texts.
        starts: (characters,) int32, where the slice of each begins.
        lengths: (characters,) int32, how long it is.
        pool: (codes,) int32.
    """
    codes, origins = spread(starts, lengths, pool)
    return Texts(codes, tf.gather(texts.rows, origins), texts.batch)


def spread(starts: Any, lengths: Any, pool: Any) -> tuple[Any, Any]:
    """Return slices of `pool`, which begin at `starts` and are `lengths` long, one after the other, and which slice each value is of."""
    origins = tf.repeat(places(lengths), lengths)
    within = places(origins) - tf.gather(tf.cumsum(lengths, exclusive=True), origins)
    return tf.gather(pool, tf.gather(starts, origins) + within), origins


def replace(texts: Texts, expansions: Expansions) -> Texts:
    """Put what a table of expansions says in the place of each character."""
    packed = look_up(expansions.places, texts.codes)

    def replaced(texts: Texts) -> Texts:
        own = places(texts.codes)
        starts = tf.where(packed < 0, own, tf.shape(own)[0] + packed // LONGEST_EXPANSION)
        lengths = tf.where(packed < 0, 1, packed % LONGEST_EXPANSION)
        return expand(texts, starts, lengths, tf.concat([texts.codes, tf.constant(expansions.pool)], 0))

    return when(texts, tf.reduce_any(packed >= 0), replaced)
