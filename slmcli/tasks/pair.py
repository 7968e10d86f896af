"""One label, or a score, for two texts."""

from collections.abc import Sequence

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.fields import LABEL, LABEL_NAMES, Field
from slmcli.reading import Example
from slmcli.tasks.base import Task, integers, truncate

_FIRST = Field("text", "text", ("text", "text_a", "text1", "sentence1", "sentence_a", "premise", "question1", "query", "question", "sentence"))
_SECOND = Field("text_pair", "text", ("text_pair", "text_b", "text2", "sentence2", "sentence_b", "hypothesis", "question2", "document", "answer"))
_SCORE = Field("score", "number", ("score", "similarity", "similarity_score", "relatedness", *LABEL_NAMES), is_target=True)


class _TwoTexts(Task):
    token_features = ("token_ids", "pair_token_ids")

    def texts(self, example: Example) -> list[str]:
        """Return both texts."""
        return [example.text, example.values.get("text_pair") or ""]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `token_ids` and `pair_token_ids`, each cut by itself, and the target when the example has one."""
        first, second = (truncate(stream, encoding) for stream in streams)
        return {"token_ids": first, "pair_token_ids": second, **self._target(example)}

    def _target(self, example: Example) -> dict[str, np.ndarray]:
        return {}


class Pair(_TwoTexts):
    """Choose one of several labels for two texts."""

    name = "pair"
    description = "how two texts relate: same question or not, one follows from the other, an answer fits"
    fields = (_FIRST, _SECOND, LABEL)

    def labels_of(self, example: Example) -> list[str]:
        """Return the one label."""
        return [] if example.label is None else [example.label]

    def _target(self, example: Example) -> dict[str, np.ndarray]:
        return {} if example.label is None else {"label": integers([self.label_ids[example.label]])}


class Similarity(_TwoTexts):
    """Score two texts."""

    name = "similarity"
    description = "a number for two texts: how alike they are"
    fields = (_FIRST, _SECOND, _SCORE)

    def _target(self, example: Example) -> dict[str, np.ndarray]:
        score = example.values.get("score")
        return {} if score is None else {"score": np.array([score], np.float32)}
