"""A tag for each word: names and other entities."""

from collections.abc import Sequence

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.fields import Field
from slmcli.reading import Example
from slmcli.tasks.base import Task, integers
from slmcli.tokenizers.base import UNKNOWN_ID, Tokenizer

# the tag of a piece that goes on with a word; only a word's first piece is tagged (Devlin et al. 2019, section 5.3)
CONTINUES = -1


class EntityRecognition(Task):
    """Tag words in the BIO scheme."""

    name = "ner"
    description = "names and other entities in a text: a tag for each word"
    fields = (
        Field("tokens", "words", ("tokens", "words", "sentence", "text")),
        Field("tags", "words", ("tags", "ner_tags", "ner", "labels", "entities", "label", "tag"), is_target=True),
    )
    # upper case and full forms tell names from other words
    cleaning = ["nfc"]  # noqa: RUF012  (a class constant of the base's type)

    def texts(self, example: Example) -> list[str]:
        """Return the words, each as a text of its own."""
        return list(example.values.get("tokens") or ())

    def cut_length(self, example: Example, lengths: Sequence[int]) -> int:
        """Return the tokens of all words; one of which nothing is left is one token."""
        return sum(max(1, length) for length in lengths)

    def identity(self, example: Example) -> str:
        """Return the words with spaces between them."""
        return " ".join(self.texts(example))

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `token_ids`, `word_ids` (the word each belongs to) and, with tags, `tag_ids`, -1 where a word goes on.

        Words beyond `max_length` are left out whole, at the end, whatever `truncation` says: a tag needs what stands before it.
        """
        pieces = [stream if len(stream) else integers([UNKNOWN_ID]) for stream in streams]
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        kept = int((np.cumsum(lengths) <= encoding.max_length).sum())
        word_ids = np.repeat(np.arange(kept, dtype=np.int32), lengths[:kept])
        features = {"token_ids": np.concatenate([integers([]), *pieces[:kept]]), "word_ids": word_ids}
        tags = example.values.get("tags")
        if tags is None:
            return features
        tag_ids = np.full(len(word_ids), CONTINUES, np.int32)
        tag_ids[np.cumsum(lengths[:kept]) - lengths[:kept]] = [self.label_ids[tag] for tag in tags[:kept]]
        return {**features, "tag_ids": tag_ids}

    def encode(self, example: Example, tokenizer: Tokenizer, encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Turn an example into features."""
        return super().encode(example, tokenizer, encoding)

    def labels_of(self, example: Example) -> list[str]:
        """Return every different tag."""
        return list(dict.fromkeys(example.values.get("tags") or ()))

    def has_target(self, example: Example) -> bool:
        """Say whether every word has a tag."""
        tags = example.values.get("tags") or ()
        return 0 < len(tags) == len(self.texts(example))
