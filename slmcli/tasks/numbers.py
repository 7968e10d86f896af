"""A number for one text, or for two: ratings, how alike two texts are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar  # Any: tensors and models; TensorFlow is not imported here

import numpy as np

from slmcli.errors import DataError
from slmcli.fields import FIRST_TEXT, LABEL_NAMES, SECOND_TEXT, TEXT, Field
from slmcli.reading import Example
from slmcli.regression_metrics import SCORES, regression_intervals, regression_scores, sample_scores
from slmcli.tasks.text_base import TextTask

# our choice: scales that people answer on have fewer steps
_MOST_STEPS = 20


class Score(TextTask):
    """Predict a number.

    A model is trained on numbers of mean 0 and standard deviation 1, whatever their unit. When all training examples have one
    of few whole numbers, such as stars, a prediction never leaves their range, and the nearest of them is named too.
    """

    name = "score"
    description = "a number for a text: stars from 1 to 5, a grade, a price"
    fields: ClassVar[tuple[Field, ...]] = (
        TEXT,
        Field("score", "number", ("score", "rating", "stars", "grade", "value", *LABEL_NAMES), is_target=True),
    )
    takes_ngrams = True
    score_names = SCORES
    headline = ("pearson", "mean_absolute_error")
    output_loss = "square"
    baselines = "number"
    output_name = "standardised score"

    def target(self, example: Example) -> dict[str, np.ndarray]:
        """Return `score` in its own unit."""
        return {"score": np.array([example.values["score"]], np.float32)}

    def describe_target(self) -> dict[str, Any]:
        """Return `score` (batch,) float32."""
        import tensorflow as tf

        return {"score": tf.io.FixedLenFeature([], tf.float32)}

    def learn_targets(self, examples: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Any]:
        """Return `mean` and `scale` (standard deviation) of the training scores, and `steps` when they are few whole numbers."""
        scores = np.array([example["score"][0] for example in examples], np.float64)
        steps = np.unique(scores)
        if len(steps) < 2:
            raise DataError(
                f"every training example has the score {steps[0]:g}. Add examples of others, or name the right column: --column score=NAME."
            )
        is_ordinal = len(steps) <= _MOST_STEPS and bool((steps == np.round(steps)).all())
        return {"mean": float(scores.mean()), "scale": float(scores.std()), **({"steps": [int(step) for step in steps]} if is_ordinal else {})}

    @property
    def width(self) -> int:
        """One number."""
        return 1

    def make_batch(self, features: Mapping[str, Any], label_weights: Any) -> tuple[Any, Any, Any]:
        """Return the inputs, standardised targets (batch, 1) float32, sample_weight (batch,) float32."""
        import tensorflow as tf

        mean, scale = self._scale()
        return self.inputs(features), (features["score"][:, None] - mean) / scale, tf.ones_like(features["score"])

    def compile_arguments(self, *, label_smoothing: float, loss: str) -> dict[str, Any]:
        """Return the mean squared error."""
        import keras

        return {"loss": keras.losses.MeanSquaredError()}

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return standardised numbers (examples, 1) as they are."""
        return outputs.astype(np.float32)

    def references(self, examples: Sequence[Example]) -> np.ndarray:
        """Return numbers (examples,) in their own unit."""
        return np.array([example.values["score"] for example in examples], np.float64)

    def references_of(self, targets: np.ndarray) -> np.ndarray:
        """Return numbers (examples,) in their own unit of standardised targets (examples, 1)."""
        mean, scale = self._scale()
        return targets[:, 0].astype(np.float64) * scale + mean

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return numbers (examples,) in the unit of the training data."""
        mean, scale = self._scale()
        numbers = probabilities[:, 0].astype(np.float64) * scale + mean
        steps = self.learned.get("steps")
        return np.clip(numbers, steps[0], steps[-1]) if steps else numbers

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Return `score` and, when training had few whole numbers, the nearest of them as `label`; outputs (1,)."""
        score = self.decide(outputs[None])
        nearest = {"label": int(self._nearest(score)[0])} if "steps" in self.learned else {}
        return {**nearest, "score": round(float(score[0]), 6)}

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return correlations and errors."""
        return regression_scores(predictions, references)

    def score_samples(
        self, predictions: np.ndarray, references: np.ndarray, counts: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the scores of samples; there are no labels."""
        return sample_scores(predictions, references, counts), {}

    def agreement(self, first: np.ndarray, second: np.ndarray) -> float | None:
        """Return the share of examples with the same nearest whole number; None when numbers are not whole."""
        if "steps" not in self.learned:
            return None
        return float((self._nearest(self.decide(first)) == self._nearest(self.decide(second))).mean())

    def judge(self, probabilities: np.ndarray, references: np.ndarray, *, seed: int) -> dict[str, Any]:
        """Return `scores` and `intervals`."""
        predictions = self.decide(probabilities)
        return {"scores": self.score(predictions, references), "intervals": regression_intervals(predictions, references, seed=seed)}

    def _nearest(self, numbers: np.ndarray) -> np.ndarray:
        steps = np.array(self.learned["steps"])
        return steps[np.abs(numbers[:, None] - steps).argmin(axis=1)]

    def _scale(self) -> tuple[float, float]:
        return self.learned.get("mean", 0.0), self.learned.get("scale", 1.0)


class Similarity(Score):
    """Score two texts."""

    name = "similarity"
    description = "a number for two texts: how alike they are"
    fields = (
        FIRST_TEXT,
        SECOND_TEXT,
        Field("score", "number", ("score", "similarity", "similarity_score", "relatedness", *LABEL_NAMES), is_target=True),
    )
    token_features = ("token_ids", "pair_token_ids")
    input_features = ("token_ids", "pair_token_ids")
    takes_ngrams = False
