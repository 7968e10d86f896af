"""HTML's tags and character references taken out of texts inside a TensorFlow graph, as the cleaning step `markup` does."""

from typing import Any  # Any: tensors

import tensorflow as tf

from slmcli.character_tables import LONGEST_EXPANSION, References, references
from slmcli.graph_texts import Texts, expand, first_from, is_first, places, when

# those of `character_cleaning.TAGS`
_LONGEST_TAG = 200
_LONGEST_NAME = 32
# names that need no semicolon are no longer; checked by a test
_LONGEST_OPEN_NAME = 6
_END_OF_NAME = "\t\n\f <&#;"
_REPLACEMENT = 0xFFFD
# digits that a code point has at most: 1114111, 10ffff
_DIGITS = 7
_TOO_LARGE = 0x110000


def remove_markup(texts: Texts, names: Any) -> Texts:
    """Put a space in the place of each tag, and the character in the place of each reference.

    Args:
        texts: The texts.
        names: Table of `names_of_references`.
    """
    texts = when(texts, tf.reduce_any(texts.codes == ord("<")), _remove_tags)
    return when(texts, tf.reduce_any(texts.codes == ord("&")), lambda texts: _unescape(texts, names))


def names_of_references() -> Any:
    """Return a table from the names of HTML's references to their number; what holds the graph must keep it."""
    names = tf.constant(references().names)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(names, tf.range(len(references().names))), -1)


def _remove_tags(texts: Texts) -> Texts:
    """A tag ends at the next angle: inside it is none, so that no two tags overlap."""
    codes = texts.codes
    angles = first_from((codes == ord("<")) | (codes == ord(">")))
    starts = tf.cast(tf.where(codes == ord("<"))[:, 0], tf.int32)
    first = _at(texts, starts, 1)
    lowered = first | 0x20  # an ASCII capital becomes a small letter
    begins = ((lowered >= ord("a")) & (lowered <= ord("z"))) | (first == ord("/")) | (first == ord("!"))
    ends = tf.gather(angles, tf.minimum(starts + 1, tf.shape(codes)[0]))
    closes = (_at(texts, starts, ends - starts) == ord(">")) & (ends - starts - 2 <= _LONGEST_TAG)
    is_tag = begins & closes
    starts, ends = tf.boolean_mask(starts, is_tag), tf.boolean_mask(ends, is_tag)
    codes = tf.tensor_scatter_nd_update(codes, starts[:, None], tf.fill(tf.shape(starts), ord(" ")))
    return Texts(codes, texts.rows, texts.batch).keep(~_behind(codes, starts, ends - starts))


def _behind(codes: Any, starts: Any, counts: Any) -> Any:
    """Say of each character whether it is one of so many that follow one of the starts; these parts do not overlap."""
    length = tf.shape(codes)[0]
    opened = tf.scatter_nd((starts + 1)[:, None], tf.ones_like(starts), [length + 1])
    closed = tf.scatter_nd((starts + 1 + counts)[:, None], tf.ones_like(starts), [length + 1])
    return tf.cumsum(opened - closed)[:-1] > 0


def _at(texts: Texts, starts: Any, steps: Any) -> Any:
    """Return the characters so many places behind others; 0 where the text has ended."""
    wanted = starts + steps
    length = tf.shape(texts.codes)[0]
    inside = tf.clip_by_value(wanted, 0, tf.maximum(length - 1, 0))
    is_same = (wanted < length) & (tf.gather(texts.rows, inside) == tf.gather(texts.rows, starts))
    return tf.where(is_same, tf.gather(texts.codes, inside), 0)


def _unescape(texts: Texts, names: Any) -> Texts:
    """Put characters in the place of references; each begins with `&` and holds no other, so that no two overlap."""
    known = references()
    starts = tf.cast(tf.where(texts.codes == ord("&"))[:, 0], tf.int32)
    of_name, length_of_name = _named(texts, starts, names, known)
    meant, length_of_number = _numbered(texts, starts, known)
    is_name, is_number = length_of_name > 0, length_of_number > 0
    own = places(texts.codes)
    pool = tf.concat([texts.codes, tf.constant(known.pool), tf.maximum(meant, 0)], 0)
    first_number = tf.shape(own)[0] + len(known.pool)
    begins = tf.where(is_name, tf.shape(own)[0] + of_name // LONGEST_EXPANSION, tf.where(is_number, first_number + places(starts), starts))
    lengths = tf.where(is_name, of_name % LONGEST_EXPANSION, tf.where(is_number & (meant < 0), 0, 1))
    consumed = tf.maximum(length_of_name, length_of_number)
    counts = tf.where(_behind(texts.codes, starts, consumed), 0, 1)
    begins = tf.tensor_scatter_nd_update(own, starts[:, None], begins)
    return expand(texts, begins, tf.tensor_scatter_nd_update(counts, starts[:, None], lengths), pool)


def _named(texts: Texts, starts: Any, names: Any, known: References) -> tuple[Any, Any]:
    """Find the name behind each `&`: the whole one, else the longest beginning that is a name.

    Returns:
        places: (references,) int32, as in `References`.
        lengths: (references,) int32, characters of the name; 0: none.
    """
    window = tf.stack([_at(texts, starts, step) for step in range(1, _LONGEST_NAME + 2)], 1)
    is_inside = _at_row(texts, starts, _LONGEST_NAME)
    stops = tf.reduce_any(window[:, :-1, None] == tf.constant([*map(ord, _END_OF_NAME)]), 2) | ~is_inside
    body = tf.reduce_min(tf.where(stops, tf.range(_LONGEST_NAME), _LONGEST_NAME), 1)
    whole = body + tf.cast((body > 0) & (tf.gather(window, body, batch_dims=1) == ord(";")), tf.int32)
    found = tf.fill(tf.shape(starts), -1)
    lengths = tf.zeros_like(starts)
    for tried in (whole, *(tf.fill(tf.shape(starts), size) for size in range(_LONGEST_OPEN_NAME, 1, -1))):
        number = names.lookup(_strings(window, tried))
        is_new = (found < 0) & (number >= 0) & (tried <= whole)
        found, lengths = tf.where(is_new, number, found), tf.where(is_new, tried, lengths)
    return tf.gather(tf.constant(known.places), tf.maximum(found, 0)), lengths


def _at_row(texts: Texts, starts: Any, steps: int) -> Any:
    """Say of each of so many places behind others, (starts, steps), whether the text goes on there."""
    wanted = starts[:, None] + tf.range(1, steps + 1)
    length = tf.shape(texts.codes)[0]
    inside = tf.minimum(wanted, length - 1)
    return (wanted < length) & (tf.gather(texts.rows, inside) == tf.gather(texts.rows, starts)[:, None])


def _strings(window: Any, lengths: Any) -> Any:
    """Return the first so many characters of each row as a string; what is no name is U+FFFD as well as itself."""
    return tf.strings.unicode_encode(tf.RaggedTensor.from_tensor(window, lengths=lengths), "UTF-8")


def _numbered(texts: Texts, starts: Any, known: References) -> tuple[Any, Any]:
    """Find the number behind each `&#`.

    Returns:
        meant: (references,) int32, the character; -1: none.
        lengths: (references,) int32, characters of the reference behind the `&`; 0: it is none.
    """
    is_hex = (_at(texts, starts, 2) | 0x20) == ord("x")
    begin = starts + tf.where(is_hex, 3, 2)
    decimal, decimal_end = _value(texts, begin, base=10)
    hexadecimal, hex_end = _value(texts, begin, base=16)
    value, end = tf.where(is_hex, hexadecimal, decimal), tf.where(is_hex, hex_end, decimal_end)
    is_number = (_at(texts, starts, 1) == ord("#")) & (end > begin)
    is_closed = _at(texts, starts, end - starts) == ord(";")
    lengths = end - starts - 1 + tf.cast(is_closed, tf.int32)
    is_none = (value > 0x10FFFF) | ((value >= 0xD800) & (value < 0xE000))
    odd = tf.constant(known.odd)
    place = tf.minimum(tf.searchsorted(odd, value), len(known.odd) - 1)
    meant = tf.where(tf.gather(odd, place) == value, tf.gather(tf.constant(known.meant), place), value)
    return tf.where(is_none, _REPLACEMENT, meant), tf.where(is_number, lengths, 0)


def _value(texts: Texts, starts: Any, *, base: int) -> tuple[Any, Any]:
    """Return the number whose digits begin at each start, any that is too large as such a one, and where the digits end."""
    codes = texts.codes
    lowered = codes | 0x20
    is_decimal = (codes >= ord("0")) & (codes <= ord("9"))
    is_letter = (lowered >= ord("a")) & (lowered <= ord("f"))
    is_digit = is_decimal | is_letter if base == 16 else is_decimal
    digits = tf.where(is_decimal, codes - ord("0"), lowered - ord("a") + 10)
    length = tf.shape(codes)[0]
    row_ends = first_from(tf.concat([[False], is_first(texts.rows)[1:]], 0))
    inside = tf.minimum(starts, length)
    # a number may stand at the end of a text, and another text begin with a digit
    row_end = tf.gather(row_ends, tf.minimum(starts - 1, length))
    row_end = tf.where(starts - 1 < length, row_end, length)
    end = tf.minimum(tf.gather(first_from(~is_digit), inside), row_end)
    first = tf.minimum(tf.gather(first_from(~is_digit | (digits != 0)), inside), end)
    value = tf.zeros_like(starts, tf.int64)
    for place in range(_DIGITS):
        wanted = first + place
        digit = tf.gather(digits, tf.minimum(wanted, length - 1))
        value = tf.where(wanted < end, value * base + tf.cast(digit, tf.int64), value)
    value = tf.cast(tf.minimum(value, _TOO_LARGE), tf.int32)
    return tf.where(end - first > _DIGITS, _TOO_LARGE, value), end
