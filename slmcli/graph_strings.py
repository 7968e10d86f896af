"""Bytes of text and their checksums inside a TensorFlow graph."""

import zlib
from typing import Any  # Any: tensors

import numpy as np
import tensorflow as tf

from slmcli.graph_texts import places

_ONES = 0xFFFFFFFF
_LEADS = (0, 0, 0xC0, 0xE0, 0xF0)  # of a character of so many bytes (RFC 3629, section 3)
_SINGLE = tuple(bytes([byte]) for byte in range(256))


def to_bytes(codes: Any) -> tuple[Any, Any]:
    """Return the UTF-8 of code points.

    Returns:
        content: (bytes,) int32.
        counts: (characters,) int32, the bytes of each.
    """
    counts = 1 + sum(tf.cast(codes > last, tf.int32) for last in (0x7F, 0x7FF, 0xFFFF))
    origins = tf.repeat(places(codes), counts)
    within = places(origins) - tf.gather(tf.cumsum(counts, exclusive=True), origins)
    size = tf.gather(counts, origins)
    bits = tf.bitwise.right_shift(tf.gather(codes, origins), 6 * (size - 1 - within))
    lead = tf.where(size == 1, bits, bits | tf.gather(tf.constant(_LEADS), size))
    return tf.where(within == 0, lead, (bits & 0x3F) | 0x80), counts


def join_bytes(content: Any, parts: Any, count: Any) -> Any:
    """Return (parts,) strings of bytes, given which part each belongs to; every code point stays what it is, noncharacters too."""
    return tf.strings.unsorted_segment_join(tf.gather(tf.constant(_SINGLE), content), parts, count)


def checksums(content: Any, starts: Any, ends: Any) -> Any:
    """Return (spans,) uint32, the CRC-32 of bytes [start, end), as `zlib.crc32` gives it.

    The checksum of two parts together follows from that of each: what the first one left goes through as many zero bytes as the
    second has, and is added. So the checksums of all windows of 2, 4, 8, … bytes are found in as many steps as the longest span has
    binary digits, and each span is put together from those that its length is the sum of.

    Source: Adler, zlib, `crc32_combine`.
    """
    tables = tf.constant(_zeros_tables())
    lengths = ends - starts
    window = tf.gather(tf.constant(_byte_table()), content)  # the register after each byte alone
    state = tf.fill(tf.shape(starts), tf.constant(_ONES, tf.uint32))

    def step(bit: Any, window: Any, state: Any, place: Any) -> tuple[Any, Any, Any, Any]:
        size = tf.bitwise.left_shift(1, bit)
        table = tables[bit]
        is_used = tf.bitwise.bitwise_and(lengths, size) > 0
        last = tf.where(is_used, place + size - 1, 0)
        state = tf.where(is_used, _through(table, state) ^ tf.gather(window, last), state)
        place = tf.where(is_used, place + size, place)
        # windows of twice the size, by their last byte; those that begin before the first byte are of no span
        earlier = tf.concat([tf.zeros(tf.minimum(size, tf.shape(window)), tf.uint32), window[:-size]], 0)
        return bit + 1, _through(table, earlier) ^ window, state, place

    longest = tf.reduce_max(tf.concat([[1], lengths], 0))
    shapes = (tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([None]))
    loop = tf.while_loop(lambda bit, *_: tf.bitwise.left_shift(1, bit) <= longest, step, (0, window, state, starts), shape_invariants=shapes)
    return loop[2] ^ tf.constant(_ONES, tf.uint32)


def _through(table: Any, state: Any) -> Any:
    """Return registers (…,) uint32 after so many zero bytes as the table is for: (4, 256) uint32."""
    parts = [
        tf.gather(table[place], tf.cast(tf.bitwise.right_shift(state, tf.constant(8 * place, tf.uint32)) & 0xFF, tf.int32)) for place in range(4)
    ]
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3]


def _byte_table() -> np.ndarray:
    """Return (256,) uint32, the register after one byte when it was 0 before."""
    return np.array([zlib.crc32(bytes([byte]), _ONES) ^ _ONES for byte in range(256)], np.uint32)


def _zeros_tables() -> np.ndarray:
    """Return (31, 4, 256) uint32: what each byte of a register becomes by 1, 2, 4, … zero bytes."""
    bytes_ = np.arange(256, dtype=np.uint32)
    single = _byte_table()
    table = np.stack([single, bytes_ >> 0, bytes_ << np.uint32(8), bytes_ << np.uint32(16)])
    tables = [table]
    for _ in range(30):
        parts = [tables[-1][place][(tables[-1] >> np.uint32(8 * place)) & np.uint32(0xFF)] for place in range(4)]
        tables.append(parts[0] ^ parts[1] ^ parts[2] ^ parts[3])
    return np.stack(tables)
