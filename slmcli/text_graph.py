"""All that happens to a text in a bundle, inside a TensorFlow graph: from strings to what a model reads, and from its outputs to answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: tensors and tables

import tensorflow as tf

from slmcli.errors import ConfigError
from slmcli.graph_answers import answers, probabilities
from slmcli.graph_cleaning import GraphCleaner
from slmcli.graph_ngrams import encode_ngrams
from slmcli.graph_texts import decode
from slmcli.graph_tokens import GraphTokenizer, cut, has_vocabulary_file, to_rectangle
from slmcli.ngrams import FEATURE
from slmcli.text_parts import TextParts
from slmcli.tokenizers.base import Tokenizer

VOCABULARY = "vocabulary.txt"


class TextGraph:
    """Traces texts to features, and outputs to answers.

    Attributes:
        fields: Names of the texts of an example.
        tables: What the traced graph reads; who holds the graph must hold them.
    """

    def __init__(self, parts: TextParts, directory: Path) -> None:
        self._parts = parts
        self.fields = tuple(field.name for field in parts.task.fields if field.kind == "text" and not field.is_target)
        self._cleaner = GraphCleaner(parts.tokenizer.cleaning.cleaning)
        self._tokenizer = GraphTokenizer(parts.tokenizer, _write_vocabulary(parts.tokenizer, directory))
        self.tables = [*self._cleaner.tables, *self._tokenizer.tables]

    def features(self, texts: Mapping[str, Any]) -> dict[str, Any]:
        """Return the input features, each (batch, length) int32, of the texts of each field, (batch,) strings."""
        parts = self._parts
        features = {}
        for name, field in zip(parts.task.token_features, self.fields, strict=True):
            batch = tf.shape(texts[field])[0]
            pretokens = self._tokenizer.split(self._cleaner.clean(decode(texts[field])))
            token_ids, rows = cut(*self._tokenizer.encode(pretokens), batch=batch, encoding=parts.encoding)
            features[name] = to_rectangle(token_ids, rows, batch=batch, length=parts.length)
            if parts.ngrams is not None:
                features[FEATURE] = to_rectangle(*encode_ngrams(pretokens, parts.ngrams), batch=batch, length=None)
        return {name: features[name] for name in parts.task.input_features}

    def probabilities(self, outputs: Any) -> Any:
        """Return what the task says of each text, (batch, width) float32."""
        return probabilities(self._parts.task, outputs)

    def answers(self, said: Any) -> dict[str, Any]:
        """Return what a user reads, given `probabilities`."""
        return answers(self._parts.task, said)


def _write_vocabulary(tokenizer: Tokenizer, directory: Path) -> str | None:
    """Write the entries of a vocabulary, one a line.

    Raises:
        ConfigError: A line ends inside one.
    """
    if not has_vocabulary_file(tokenizer):
        return None
    if broken := [token for token in tokenizer.vocabulary if "\n" in token or "\r" in token]:
        raise ConfigError(f"format saved_model: the token {broken[0]!r} of the vocabulary holds the end of a line. Make the dataset again.")
    path = directory / VOCABULARY
    path.write_bytes("".join(f"{token}\n" for token in tokenizer.vocabulary).encode("utf-8"))
    return str(path)
