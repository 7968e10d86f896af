"""One label for one text, or for two: sentiment, topic, pairs, and whatever else has named classes."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self  # Any: tensors and models; TensorFlow is not imported here

import numpy as np

from slmcli.curves import curves_of
from slmcli.fields import FIRST_TEXT, LABEL, SECOND_TEXT, TEXT, Field
from slmcli.metrics import (
    CLASSIFICATION_SCORES,
    MORE_CLASSIFICATION_SCORES,
    all_classification_scores,
    classification_scores,
    confusion_matrix,
    f1_intervals,
    log_loss,
    per_label_scores,
    sample_scores,
    score_intervals,
)
from slmcli.probability_metrics import CALIBRATION_SCORE, RANKING_SCORES, calibration_bins, probability_intervals
from slmcli.reading import Example
from slmcli.tasks.base import FOCAL_GAMMA, integers
from slmcli.tasks.text_base import TextTask
from slmcli.thresholds import best_threshold

# feature of an example that a model has labelled: the probability of each label, (classes,) float32
SOFT_LABEL = "soft_label"


class Classification(TextTask):
    """Choose one of several labels."""

    fields: ClassVar[tuple[Field, ...]] = (TEXT, LABEL)
    takes_ngrams = True
    score_names = (*CLASSIFICATION_SCORES, "log_loss")
    more_score_names = (*MORE_CLASSIFICATION_SCORES, "brier", CALIBRATION_SCORE, *RANKING_SCORES)
    headline = ("accuracy", "macro_f1")
    output_loss = "softmax"
    baselines = "label"
    has_soft_labels: bool = False
    own_settings = frozenset({"class_weights", "loss", "label_smoothing", "tune_threshold", "monitor", "initial_embedding"})

    def target(self, example: Example) -> dict[str, np.ndarray]:
        """Return `label`, one id."""
        return {"label": integers([self.label_ids[str(example.label)]])}

    def labels_of(self, example: Example) -> list[str]:
        """Return the one label."""
        return [] if example.label is None else [example.label]

    def describe_target(self) -> dict[str, Any]:
        """Return `label` (batch,) int64; with soft labels `soft_label`, too, (batch, classes) float32, zeros where a person has given the label."""
        import tensorflow as tf

        label = {"label": tf.io.FixedLenFeature([], tf.int64)}
        if not self.has_soft_labels:
            return label
        return {**label, SOFT_LABEL: tf.io.FixedLenFeature([self.width], tf.float32, default_value=[0.0] * self.width)}

    def with_soft_labels(self) -> Self:
        """Return the same task, of whose training examples a model has labelled some."""
        other = copy.copy(self)
        other.has_soft_labels = True
        return other

    def make_batch(self, features: Mapping[str, Any], label_weights: Any) -> tuple[Any, Any, Any]:
        """Return the inputs, targets (batch, classes) float32, one-hot or what a model has said, and sample_weight (batch,) float32."""
        import tensorflow as tf

        targets = tf.one_hot(features["label"], self.width)
        if self.has_soft_labels:
            soft = features[SOFT_LABEL]
            targets = tf.where(tf.reduce_any(soft > 0.0, axis=-1, keepdims=True), soft, targets)
        return self.inputs(features), targets, tf.linalg.matvec(targets, label_weights)

    def compile_arguments(self, *, label_smoothing: float, loss: str) -> dict[str, Any]:
        """Return cross-entropy on logits, or focal loss (Lin et al. 2017, section 3.2), and accuracy weighted as the loss is."""
        import keras

        losses = {
            "cross_entropy": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing),
            "focal": keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=FOCAL_GAMMA, from_logits=True, label_smoothing=label_smoothing),
        }
        return {"loss": losses[loss], "weighted_metrics": [keras.metrics.CategoricalAccuracy(name="accuracy")]}

    def learn_decisions(self, probabilities: np.ndarray, references: np.ndarray, *, tunes_threshold: bool) -> dict[str, Any]:
        """Return `threshold`, from which on the second of two labels is chosen, with the highest macro F1; or nothing when not asked for."""
        return {"threshold": best_threshold(probabilities[:, 1], references == 1, averages_both=True)} if tunes_threshold else {}

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the softmax of logits (examples, classes)."""
        shifted = np.exp(outputs.astype(np.float32) - outputs.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    def references(self, examples: Sequence[Example]) -> np.ndarray:
        """Return label ids (examples,)."""
        return integers(self.label_ids[str(example.label)] for example in examples)

    def references_of(self, targets: np.ndarray) -> np.ndarray:
        """Return label ids (examples,) of targets (examples, classes)."""
        return targets.argmax(axis=1)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return label ids (examples,): the most probable, or as the threshold says."""
        threshold = self.learned.get("threshold")
        return probabilities.argmax(axis=1) if threshold is None else (probabilities[:, 1] >= threshold).astype(np.int64)

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Return `label`, its probability `score`, and the probabilities of all labels as `scores`; outputs (classes,)."""
        label = self.labels[int(self.decide(outputs[None])[0])]
        scores = {name: round(float(score), 6) for name, score in zip(self.labels, outputs, strict=True)}
        return {"label": label, "score": scores[label], "scores": scores}

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return accuracy and macro averages."""
        return classification_scores(self._confusion(predictions, references))

    def score_probabilities(self, probabilities: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return all scores, log loss among them."""
        return {**super().score_probabilities(probabilities, references), "log_loss": log_loss(references, probabilities)}

    def score_samples(
        self, predictions: np.ndarray, references: np.ndarray, counts: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the scores of samples, and those of each label."""
        return sample_scores(predictions, references, counts, classes=len(self.labels))

    def judge(self, probabilities: np.ndarray, references: np.ndarray, *, seed: int) -> dict[str, Any]:
        """Return `scores`, `intervals`, `per_label`, `confusion` (counts, a row for each reference), `calibration` in bins, and `curves`."""
        matrix = self._confusion(self.decide(probabilities), references)
        hits = np.eye(self.width, dtype=bool)[references]
        of_probabilities, intervals = probability_intervals(probabilities, hits, is_one=True, seed=seed)
        scores = {**all_classification_scores(matrix), **of_probabilities}
        intervals = {**score_intervals(matrix, seed=seed), **intervals}
        f1s = f1_intervals(matrix, seed=seed)
        per_label = per_label_scores(matrix, self.labels)
        return {
            "scores": {name: scores[name] for name in self.judged_names() if name in scores},
            "intervals": {name: intervals[name] for name in self.judged_names() if name in scores},
            "per_label": {label: {**row, "f1_interval": [f1.low, f1.high]} for (label, row), f1 in zip(per_label.items(), f1s, strict=True)},
            "confusion": {"labels": list(self.labels), "counts": matrix.tolist()},
            "calibration": calibration_bins(probabilities, references),
            "curves": curves_of(probabilities, hits, self.labels),
        }

    def _confusion(self, predictions: np.ndarray, references: np.ndarray) -> np.ndarray:
        return confusion_matrix(references, predictions, classes=len(self.labels))


class Sentiment(Classification):
    """What a text feels about its subject."""

    name = "sentiment"
    description = "what a text feels about its subject: positive, negative, or any labels of your own"


class Topic(Classification):
    """What a text is about."""

    name = "topic"
    description = "what a text is about: news sections, intents, spam, or any labels of your own"


class Pair(Classification):
    """How two texts relate."""

    name = "pair"
    description = "how two texts relate: same question or not, one follows from the other, an answer fits"
    fields = (FIRST_TEXT, SECOND_TEXT, LABEL)
    token_features = ("token_ids", "pair_token_ids")
    input_features = ("token_ids", "pair_token_ids")
    takes_ngrams = False
    own_settings = Classification.own_settings - {"initial_embedding"}
