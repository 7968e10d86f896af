"""Token ids of cleaned texts inside a TensorFlow graph: the same as the tokenizer's."""

from collections.abc import Callable
from typing import Any  # Any: tensors and tables

import numpy as np
import tensorflow as tf

from slmcli.character_tables import Table
from slmcli.config import EncodingSettings
from slmcli.graph_pretokens import Pretokens, split_at_spaces, split_lossless, split_runs, split_words
from slmcli.graph_strings import join_bytes, to_bytes
from slmcli.graph_texts import Texts, is_first, look_up, places
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer

_CODES = 0x110000
_SPLITTERS: dict[str, Callable[[Texts], Pretokens]] = {"regexp": split_words, "wordpunct": split_runs, "space": split_at_spaces}


class GraphTokenizer:
    """A tokenizer in a graph; whoever traces it must keep `tables`.

    Args:
        tokenizer: The tokenizer.
        vocabulary: File of its entries, one a line, in the order of their ids; for words only.
    """

    def __init__(self, tokenizer: Tokenizer, vocabulary: str | None) -> None:
        self._tokenizer = tokenizer
        self.tables = []
        if has_vocabulary_file(tokenizer):
            keys, values = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
            lines = tf.lookup.TextFileInitializer(vocabulary, tf.string, keys, tf.int64, values)
            self.tables = [tf.lookup.StaticHashTable(lines, UNKNOWN_ID)]

    def split(self, texts: Texts) -> Pretokens:
        """Split cleaned texts into pretokens."""
        return _SPLITTERS[self._tokenizer.settings.splitter](texts) if self._tokenizer.name == "word" else split_lossless(texts)

    def encode(self, pretokens: Pretokens) -> tuple[Any, Any]:
        """Return (tokens,) int32, the ids of all texts one after the other, and which text each is of."""
        codes = pretokens.texts.codes
        if self._tokenizer.name == "character":
            return look_up(_character_ids(self._tokenizer), codes), pretokens.texts.rows
        content, counts = to_bytes(codes)
        if self._tokenizer.name == "byte":
            return content + len(SPECIAL_TOKENS), tf.repeat(pretokens.texts.rows, counts)
        words = join_bytes(content, tf.repeat(pretokens.parts, counts), tf.shape(pretokens.rows)[0])
        ids = tf.cast(self.tables[0].lookup(words), tf.int32)
        # a word may be spelled as a special token, and is none
        return tf.where(ids < len(SPECIAL_TOKENS), UNKNOWN_ID, ids), pretokens.rows


def has_vocabulary_file(tokenizer: Tokenizer) -> bool:
    """Say whether its entries are read from a file: words, in which no line ends."""
    return tokenizer.name == "word"


def _character_ids(tokenizer: Tokenizer) -> Table:
    ids = np.full(_CODES, UNKNOWN_ID, np.int32)
    for token_id, character in enumerate(tokenizer.vocabulary):
        if token_id >= len(SPECIAL_TOKENS):
            ids[ord(character)] = token_id
    return Table.of(ids)


def cut(token_ids: Any, rows: Any, *, batch: Any, encoding: EncodingSettings) -> tuple[Any, Any]:
    """Cut the tokens of each text to length, as `tasks.base.truncate` does; return ids and rows of those that stay."""
    sizes = tf.math.bincount(rows, minlength=batch, maxlength=batch, dtype=tf.int32)
    sizes = tf.gather(sizes, rows)
    longest = encoding.max_length
    if encoding.truncation == "head":
        is_kept = within(rows) < longest
    else:
        head = 0 if encoding.truncation == "tail" else longest // 4
        place = within(rows)
        is_kept = (sizes <= longest) | (place < head) | (place >= sizes - (longest - head))
    return tf.boolean_mask(token_ids, is_kept), tf.boolean_mask(rows, is_kept)


def within(rows: Any) -> Any:
    """Return the place of each value in its row, from 0."""
    begins = tf.cast(tf.where(is_first(rows))[:, 0], tf.int32)
    return places(rows) - tf.gather(begins, tf.cumsum(tf.cast(is_first(rows), tf.int32)) - 1)


def to_rectangle(values: Any, rows: Any, *, batch: Any, length: int | None) -> Any:
    """Return (batch, length) int32, each row padded on the right; as long as the longest row, at least one, or as the given length."""
    place = within(rows)
    width = tf.maximum(1, tf.reduce_max(tf.concat([[0], place + 1], 0))) if length is None else length
    rectangle = tf.scatter_nd(tf.stack([rows, place], 1), values, tf.stack([batch, width]))
    return tf.ensure_shape(rectangle, [None, length])
