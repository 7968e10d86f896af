"""A tag for each word: names and other entities."""

from collections.abc import Sequence

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.entity_scores import ENTITY_SCORES, all_are_right, count_entities, entity_scores, entity_types, find_entities
from slmcli.fields import Field
from slmcli.reading import Example
from slmcli.tasks.answer_base import AnswerTask
from slmcli.tasks.base import integers
from slmcli.tokenizers.base import UNKNOWN_ID, Tokenizer
from slmcli.word_joining import join_words

# the tag of a piece that goes on with a word; only a word's first piece is tagged (Devlin et al. 2019, section 5.3)
CONTINUES = -1


class EntityRecognition(AnswerTask[list[str]]):
    """Tag words in the BIO scheme."""

    name = "ner"
    description = "names and other entities in a text: a tag for each word"
    fields = (
        Field("tokens", "words", ("tokens", "words", "sentence", "text")),
        Field("tags", "words", ("tags", "ner_tags", "ner", "labels", "entities", "label", "tag"), is_target=True),
    )
    # upper case and full forms tell names from other words
    cleaning = ["nfc"]  # noqa: RUF012  (a class constant of the base's type)
    score_names = ENTITY_SCORES
    headline = ("f1", "macro_f1")
    baselines = "tags"
    answer_names = ("prediction", "tags", "ner_tags")
    answer_kind = "words"
    unit_of_labels = "entities"

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

    @property
    def scored_labels(self) -> list[str]:
        """Types of entities."""
        return entity_types(self.labels)

    def scored_labels_of(self, example: Example) -> list[str]:
        """Return the type of every entity."""
        return [name for name, _, _ in find_entities(example.values.get("tags") or ())]

    def input_text(self, example: Example) -> str:
        """Return the words as they would be written."""
        return join_words(self.texts(example))

    def explain_unfit(self, answer: list[str], example: Example) -> str:
        """Say what is wrong when there is not a tag for each word."""
        words = len(self.texts(example))
        return "" if len(answer) == words else f"{len(answer)} tags for {words} words"

    def count(self, answers: Sequence[list[str]], examples: Sequence[Example]) -> np.ndarray:
        """Return how many entities of each type are in both, are tagged, and are right."""
        return count_entities(answers, [example.values["tags"] for example in examples], self.scored_labels)

    def score_sums(self, sums: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return scores of whole entities, and of each type."""
        return entity_scores(sums)

    def are_right(self, counts: np.ndarray) -> np.ndarray:
        """Say which examples have all their entities found, and no other."""
        return all_are_right(counts)

    def right_answer(self, example: Example) -> list[str]:
        """Return the entities in the example's own tags."""
        return self.show(example.values["tags"], example)

    def show(self, answer: list[str], example: Example) -> list[str]:
        """Return each entity with its type."""
        words = self.texts(example)
        return [f"{join_words(words[start:end])} ({name})" for name, start, end in find_entities(answer)]
