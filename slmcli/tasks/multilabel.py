"""Any number of labels for one text."""

from collections.abc import Sequence

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.fields import LABEL_NAMES, TEXT, Field
from slmcli.reading import Example
from slmcli.tasks.base import Task, integers, truncate


class Multilabel(Task):
    """Choose every label that fits; none may fit."""

    name = "multilabel"
    description = "every label that fits a text: tags, several topics at once"
    fields = (TEXT, Field("labels", "labels", ("labels", "tags", "topics", "categories", "genres", *LABEL_NAMES), is_target=True))
    takes_ngrams = True

    def texts(self, example: Example) -> list[str]:
        """Return the one text."""
        return [example.text]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `token_ids`, and `label_ids` in rising order when the example has labels."""
        features = {"token_ids": truncate(streams[0], encoding)}
        labels = example.values.get("labels")
        return features if labels is None else {**features, "label_ids": integers(sorted(self.label_ids[label] for label in labels))}

    def labels_of(self, example: Example) -> list[str]:
        """Return every label."""
        return list(example.values.get("labels") or ())
