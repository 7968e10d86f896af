"""Any number of labels for one text."""

from collections.abc import Mapping, Sequence
from typing import Any  # Any: tensors and models; TensorFlow is not imported here

import numpy as np

from slmcli.curves import curves_of
from slmcli.fields import LABEL_NAMES, TEXT, Field
from slmcli.multilabel_metrics import SCORES, f1_intervals, multilabel_intervals, multilabel_scores, per_label_scores, sample_scores
from slmcli.probability_metrics import MEAN_SCORES, RANKING_SCORES, probability_intervals
from slmcli.reading import Example
from slmcli.tasks.base import FOCAL_GAMMA, integers
from slmcli.tasks.text_base import TextTask
from slmcli.thresholds import DEFAULT, best_threshold


class Multilabel(TextTask):
    """Choose every label that fits; none may fit."""

    name = "multilabel"
    description = "every label that fits a text: tags, several topics at once"
    fields = (TEXT, Field("labels", "labels", ("labels", "tags", "topics", "categories", "genres", *LABEL_NAMES), is_target=True))
    takes_ngrams = True
    score_names = SCORES
    more_score_names = (*MEAN_SCORES, *RANKING_SCORES)
    headline = ("micro_f1", "macro_f1")
    output_loss = "sigmoid"
    baselines = "labels"
    own_settings = frozenset({"class_weights", "loss", "label_smoothing", "tune_threshold"})

    def target(self, example: Example) -> dict[str, np.ndarray]:
        """Return `label_ids` in rising order."""
        return {"label_ids": integers(sorted(self.label_ids[label] for label in example.values["labels"]))}

    def labels_of(self, example: Example) -> list[str]:
        """Return every label."""
        return list(example.values.get("labels") or ())

    def describe_target(self) -> dict[str, Any]:
        """Return `label_ids`, ragged (batch, labels of the example) int64."""
        import tensorflow as tf

        return {"label_ids": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)}

    def stack_targets(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Return the features with `has_label` (batch, labels) float32 in place of `label_ids`, 1 where an example has the label."""
        import tensorflow as tf

        stacked = dict(features)
        label_ids = stacked.pop("label_ids")
        places = tf.stack([label_ids.value_rowids(), tf.cast(label_ids.values, tf.int64)], axis=1)
        shape = tf.stack([label_ids.nrows(), len(self.labels)])
        return {
            **stacked,
            "has_label": tf.ensure_shape(tf.scatter_nd(places, tf.ones_like(label_ids.values, tf.float32), shape), [None, len(self.labels)]),
        }

    def make_batch(self, features: Mapping[str, Any], label_weights: Any) -> tuple[Any, Any, Any]:
        """Return the inputs, targets (batch, labels) float32, and sample_weight (batch,) float32: the mean over an example's labels."""
        import tensorflow as tf

        targets = features["has_label"]
        count = tf.reduce_sum(targets, axis=1)
        weights = tf.where(count > 0, tf.reduce_sum(targets * label_weights, axis=1) / tf.maximum(count, 1.0), 1.0)
        return self.inputs(features), targets, weights

    def compile_arguments(self, *, label_smoothing: float, loss: str) -> dict[str, Any]:
        """Return binary cross-entropy of each label on logits, or focal loss (Lin et al. 2017, section 3.2)."""
        import keras

        losses = {
            "cross_entropy": keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing),
            "focal": keras.losses.BinaryFocalCrossentropy(gamma=FOCAL_GAMMA, from_logits=True, label_smoothing=label_smoothing),
        }
        return {"loss": losses[loss]}

    def learn_decisions(self, probabilities: np.ndarray, references: np.ndarray, *, tunes_threshold: bool) -> dict[str, Any]:
        """Return `thresholds`, for each label the one with the highest F1."""
        columns = zip(probabilities.T, references.T, strict=True)
        return {"thresholds": [best_threshold(column, has_label, averages_both=False) for column, has_label in columns]}

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the sigmoid of logits (examples, labels)."""
        return (0.5 + 0.5 * np.tanh(0.5 * outputs.astype(np.float32))).astype(np.float32)

    def references(self, examples: Sequence[Example]) -> np.ndarray:
        """Return (examples, labels) bool."""
        found = np.zeros((len(examples), len(self.labels)), bool)
        for row, example in enumerate(examples):
            found[row, [self.label_ids[label] for label in self.labels_of(example)]] = True
        return found

    def references_of(self, targets: np.ndarray) -> np.ndarray:
        """Return (examples, labels) bool of targets (examples, labels)."""
        return targets > 0.5

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return (examples, labels) bool: whether a probability reaches the label's threshold."""
        return probabilities >= np.array(self.learned.get("thresholds", DEFAULT))

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Return `labels`, those that fit, and the probabilities of all as `scores`; outputs (labels,)."""
        fits = self.decide(outputs[None])[0]
        scores = {label: round(float(score), 6) for label, score in zip(self.labels, outputs, strict=True)}
        return {"labels": [label for label, is_chosen in zip(self.labels, fits, strict=True) if is_chosen], "scores": scores}

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return micro and macro F1 and the share of examples that are wholly right."""
        return multilabel_scores(predictions, references)

    def score_samples(
        self, predictions: np.ndarray, references: np.ndarray, counts: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the scores of samples, and those of each label."""
        return sample_scores(predictions, references, counts)

    def judge(self, probabilities: np.ndarray, references: np.ndarray, *, seed: int) -> dict[str, Any]:
        """Return `scores`, `intervals`, `per_label` and `curves`."""
        predictions = self.decide(probabilities)
        of_probabilities, intervals = probability_intervals(probabilities, references, is_one=False, seed=seed)
        f1s = f1_intervals(predictions, references, seed=seed)
        per_label = per_label_scores(predictions, references, self.labels)
        return {
            "scores": {**self.score(predictions, references), **of_probabilities},
            "intervals": {**multilabel_intervals(predictions, references, seed=seed), **intervals},
            "per_label": {label: {**row, "f1_interval": [f1.low, f1.high]} for (label, row), f1 in zip(per_label.items(), f1s, strict=True)},
            "curves": curves_of(probabilities, references, self.labels),
        }
