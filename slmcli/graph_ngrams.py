"""The n-grams of texts inside a TensorFlow graph: the same ids as `ngrams.NgramVocabulary.encode`."""

from typing import Any  # Any: tensors

import numpy as np
import tensorflow as tf

from slmcli.dividing import mix as mix_array
from slmcli.graph_pretokens import Pretokens
from slmcli.graph_strings import checksums, join_bytes, to_bytes
from slmcli.graph_texts import Texts, expand, is_first, is_last, places, spread
from slmcli.ngrams import SUBWORD_BITS, SUBWORD_BUCKETS_START, SUBWORD_SALT, SUBWORD_SIZES, WORD_BITS, WORD_OFFSET, NgramVocabulary

_ENDS = mix_array(np.array([1, 2], np.uint64))
_BITS = 64


def encode_ngrams(pretokens: Pretokens, vocabulary: NgramVocabulary) -> tuple[Any, Any]:
    """Return the ids of the different n-grams of each text, in rising order.

    Returns:
        ids: (n-grams kept,) int32, those of the first text, then those of the second, and so on.
        rows: (n-grams kept,) int32, which text each is of.
    """
    different, inverse = _different(pretokens)
    content, counts, begins = _marked_bytes(different)
    crcs = checksums(content, *_word_spans(counts, begins))
    words = tf.gather(_mix(tf.cast(crcs, tf.uint64) + tf.constant(WORD_OFFSET, tf.uint64)), inverse)
    found = _word_buckets(words, pretokens.rows, vocabulary.form.order)
    if vocabulary.form.subwords:
        found.append(_subwords(different, (content, counts), pretokens.rows, inverse))
    buckets, rows = (tf.concat(each, 0) for each in zip(*found, strict=True))
    return _ids(buckets, rows, vocabulary)


def _different(pretokens: Pretokens) -> tuple[Texts, Any]:
    """Return each different pretoken once, as a text of its own, and which of them each pretoken is, (pretokens,) int32."""
    content, counts = to_bytes(pretokens.texts.codes)
    count = tf.shape(pretokens.rows)[0]
    strings = join_bytes(content, tf.repeat(pretokens.parts, counts), count)
    _, inverse = tf.unique(strings)
    number = tf.reduce_max(tf.concat([[-1], inverse], 0)) + 1
    chosen = tf.math.unsorted_segment_min(places(inverse), inverse, number)
    is_chosen = tf.scatter_nd(chosen[:, None], tf.ones_like(chosen, tf.bool), [count])
    is_kept = tf.gather(is_chosen, pretokens.parts)
    # the first of each stand in the order in which `tf.unique` numbers them
    rows = tf.cumsum(tf.cast(is_chosen, tf.int32)) - 1
    parts = tf.gather(rows, tf.boolean_mask(pretokens.parts, is_kept))
    return Texts(tf.boolean_mask(pretokens.texts.codes, is_kept), parts, number), inverse


def _marked_bytes(different: Texts) -> tuple[Any, Any, Any]:
    """Return the pretokens with `<` and `>` around each: bytes, bytes of each character, and at which characters a pretoken begins."""
    own = places(different.codes)
    opens, closes = is_first(different.rows), is_last(different.rows)
    lengths = 1 + tf.cast(opens, tf.int32) + tf.cast(closes, tf.int32)
    pool = tf.reshape(tf.stack([tf.fill(tf.shape(own), ord("<")), different.codes, tf.fill(tf.shape(own), ord(">"))], 1), [-1])
    marked = expand(different, 3 * own + tf.cast(~opens, tf.int32), lengths, pool)
    content, counts = to_bytes(marked.codes)
    return content, counts, tf.cast(tf.where(is_first(marked.rows))[:, 0], tf.int32)


def _word_spans(counts: Any, begins: Any) -> tuple[Any, Any]:
    """Return where the bytes of each pretoken begin and end, without its marks."""
    places_of = tf.concat([[0], tf.cumsum(counts)], 0)
    ends = tf.concat([begins[1:], [tf.shape(counts)[0]]], 0)[: tf.shape(begins)[0]]
    return tf.gather(places_of, begins) + 1, tf.gather(places_of, ends) - 1


def _word_buckets(words: Any, rows: Any, order: int) -> list[tuple[Any, Any]]:
    """Return the buckets of n-grams by their size and the text of each: single pretokens, then longer ones with the marks at both ends."""
    found = [(_shift(words, WORD_BITS), rows)]
    if order == 1:
        return found
    opens, closes = is_first(rows), is_last(rows)
    lengths = 1 + tf.cast(opens, tf.int32) + tf.cast(closes, tf.int32)
    own = places(rows)
    ends = [tf.fill(tf.shape(own), tf.constant(int(end), tf.uint64)) for end in _ENDS]
    pool = tf.reshape(tf.stack([ends[0], words, ends[1]], 1), [-1])
    marked, origins = spread(3 * own + tf.cast(~opens, tf.int32), lengths, pool)
    ngrams, rows = marked, tf.gather(rows, origins)
    for size in range(2, order + 1):
        joined = _mix(_mix(ngrams[:-1]) ^ marked[size - 1 :])
        is_whole = rows[: tf.shape(rows)[0] - size + 1] == rows[size - 1 :]
        found.append((_shift(tf.boolean_mask(joined, is_whole), WORD_BITS), tf.boolean_mask(rows[size - 1 :], is_whole)))
        ngrams = joined
    return found


def _subwords(different: Texts, marked: tuple[Any, Any], rows: Any, inverse: Any) -> tuple[Any, Any]:
    """Return the buckets of the 3 to 5 characters inside every pretoken of more than one, and the text of each."""
    content, counts = marked
    sizes = tf.math.bincount(different.rows, minlength=different.batch, dtype=tf.int32)
    owners = tf.repeat(tf.range(different.batch), sizes + 2)
    stops = tf.concat([[0], tf.cumsum(counts)], 0)
    length = tf.shape(owners)[0]
    begins, ends = tf.range(length)[:, None], tf.range(length)[:, None] + tf.constant([*SUBWORD_SIZES])  # (characters, sizes)
    is_inside = (ends <= length) & (tf.gather(owners, tf.minimum(ends, length) - 1) == owners[:, None])
    chosen = tf.where(is_inside & (tf.gather(sizes, owners) > 1)[:, None])
    ends, begins = tf.gather_nd(ends, chosen), tf.gather_nd(tf.broadcast_to(begins, tf.shape(ends)), chosen)
    starts, ends, owners = tf.gather(stops, begins), tf.gather(stops, ends), tf.gather(owners, begins)
    crcs = tf.cast(checksums(content, starts, ends), tf.uint64)
    buckets = _shift(_mix(_mix(crcs) ^ tf.constant(SUBWORD_SALT, tf.uint64)), SUBWORD_BITS) + SUBWORD_BUCKETS_START
    return _hand_out(buckets, owners, rows, inverse)


def _hand_out(buckets: Any, owners: Any, rows: Any, inverse: Any) -> tuple[Any, Any]:
    """Give every text the buckets of its different pretokens."""
    number = tf.reduce_max(tf.concat([[-1], inverse], 0)) + 1
    pairs, _ = tf.unique(tf.cast(rows, tf.int64) * tf.cast(number, tf.int64) + tf.cast(inverse, tf.int64))
    each, texts = pairs % tf.cast(number, tf.int64), pairs // tf.cast(number, tf.int64)
    grouped = tf.RaggedTensor.from_value_rowids(buckets, tf.cast(owners, tf.int64), nrows=tf.cast(number, tf.int64), validate=False)
    given = tf.gather(grouped, each)
    return given.values, tf.cast(tf.repeat(texts, given.row_lengths()), tf.int32)


def _ids(buckets: Any, rows: Any, vocabulary: NgramVocabulary) -> tuple[Any, Any]:
    """Return the ids of buckets that are kept, each once in a text, in rising order, and the text of each."""
    kept = tf.constant(vocabulary.buckets.astype(np.int32))
    if not len(vocabulary):
        return tf.zeros([0], tf.int32), tf.zeros([0], tf.int32)
    found = tf.minimum(tf.searchsorted(kept, buckets), len(vocabulary) - 1)
    is_kept = tf.gather(kept, found) == buckets
    found, rows = tf.boolean_mask(found, is_kept), tf.boolean_mask(rows, is_kept)
    different, _ = tf.unique(tf.cast(rows, tf.int64) * len(vocabulary) + tf.cast(found, tf.int64))
    ordered = tf.sort(different)
    return tf.cast(ordered % len(vocabulary), tf.int32) + 1, tf.cast(ordered // len(vocabulary), tf.int32)


def _shift(hashes: Any, bits: int) -> Any:
    """Return the highest bits of hashes as int32."""
    return tf.cast(tf.bitwise.right_shift(hashes, tf.constant(_BITS - bits, tf.uint64)), tf.int32)


def _mix(values: Any) -> Any:
    """Return what `dividing.mix` returns."""

    def constant(number: int) -> Any:
        return tf.constant(number, tf.uint64)

    mixed = values + constant(0x9E3779B97F4A7C15)
    mixed = (mixed ^ tf.bitwise.right_shift(mixed, constant(30))) * constant(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ tf.bitwise.right_shift(mixed, constant(27))) * constant(0x94D049BB133111EB)
    return mixed ^ tf.bitwise.right_shift(mixed, constant(31))
