"""Linear models over bags of n-grams, with and without naive Bayes: solved as a whole, not learned step by step."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal  # Any: scipy's sparse matrices

import numpy as np

Loss = Literal["softmax", "sigmoid", "hinge", "square"]
Scaling = Literal["naive_bayes", "none"]
_Halves = tuple[Any, Any]
# our choice, on validation data of ten corpora (docs/decisions.md): later passes change scores by less than their noise
ITERATIONS = 12
# our choice: half an order of magnitude apart
_STARTS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
# our choice: what naive Bayes knows nothing about for a label can still be learned
_LEAST_SCALE = 0.1
_MEMORY_OF_STEPS = 5  # L-BFGS, Nocedal & Wright 2006, section 7.2: between 3 and 20


@dataclass(frozen=True)
class Blocks:
    """Which n-grams each text has, as a sparse matrix of two blocks: of words, and of characters inside words.

    Attributes:
        present: (texts, n-grams) float32 in CSR form, 1 where a text has an n-gram.
        words: Columns below it are n-grams of words, the others of characters.
    """

    present: Any
    words: int

    @classmethod
    def of(cls, ids: np.ndarray, lengths: np.ndarray, *, size: int, words: int) -> "Blocks":
        """Build the matrix.

        Args:
            ids: (n-grams of all texts,) int32, ids from 1 on, those of the first text first, rising in each text.
            lengths: (texts,) the number of n-grams in each.
            size: Number of different n-grams.
            words: How many of them are of words.
        """
        from scipy.sparse import csr_matrix

        stops = np.concatenate([[0], np.cumsum(lengths)])
        return cls(csr_matrix((np.ones(len(ids), np.float32), ids.astype(np.int32) - 1, stops), shape=(len(lengths), size)), words)

    def take(self, rows: np.ndarray) -> "Blocks":
        """Return some of the texts, by their numbers."""
        return Blocks(self.present[rows], self.words)

    def join(self, others: "Blocks") -> "Blocks":
        """Return these texts and, after them, others."""
        from scipy.sparse import vstack

        return Blocks(vstack([self.present, others.present], format="csr"), self.words)

    def document_frequencies(self) -> np.ndarray:
        """Return (n-grams,) int64, in how many texts each occurs."""
        return np.bincount(self.present.indices, minlength=self.present.shape[1])

    @cached_property
    def idf(self) -> np.ndarray:
        """(n-grams,) float32, inverse document frequencies among these texts."""
        return (np.log((1.0 + self.present.shape[0]) / (1.0 + self.document_frequencies())) + 1.0).astype(np.float32)

    @cached_property
    def halves(self) -> tuple[_Halves, _Halves]:
        """TF-IDF vectors of length 1 in each block, made once for all that is solved: two halves of the texts, two of the n-grams."""
        features = scale_to_length(self, self.idf)
        return halves_of(features), halves_of(features.T.tocsr())


@dataclass(frozen=True)
class LinearModel:
    """A solved bag.

    The output for a text is, summed over its two blocks, the sum of the `weights` of its n-grams divided by the root of the sum of
    their squared `idf`, plus `bias`: TF-IDF with vectors of length 1 in each block, without storing the vectors.

    Attributes:
        weights: (n-grams, outputs) float32.
        idf: (n-grams,) float32, the inverse document frequency of each.
        bias: (outputs,) float32.
        words: N-grams below it are of words, the others of characters.
    """

    weights: np.ndarray
    idf: np.ndarray
    bias: np.ndarray
    words: int

    def predict(self, blocks: Blocks) -> np.ndarray:
        """Return (texts, outputs) float32."""
        return np.asarray(scale_to_length(blocks, self.idf) @ (self.weights / self.idf[:, None]) + self.bias)


def fit(
    blocks: Blocks,
    targets: np.ndarray,
    sample_weight: np.ndarray,
    *,
    loss: Loss,
    scaling: Scaling = "naive_bayes",
    strength: float = 10.0,
    iterations: int = ITERATIONS,
    report: Callable[[int, float], None] | None = None,
) -> LinearModel:
    """Minimise the cross-entropy, or another loss, with a ridge penalty.

    Source: Wang & Manning 2012, section 2.3, "Baselines and bigrams": features scaled by log-count ratios, which is a ridge penalty
    that weighs less where naive Bayes is sure. Differs: all labels are solved together, each with the scales of its own ratios; the
    scaled features are TF-IDF vectors (Salton & Buckley 1988, table 1, "tfc") of length 1, one for words and one for characters; no
    interpolation with the mean weight.

    Args:
        blocks: The training texts.
        targets: (texts, outputs) float32; in [0, 1] but for the squared error.
        sample_weight: (texts,) float32.
        loss: `softmax`: cross-entropy of labels of which one is right, two by their difference; `sigmoid`: of labels each by
            itself; `hinge`: how far each label, by itself, is from a margin of 1, squared (Fan et al. 2008, LIBLINEAR, equation 3:
            the "L2-loss" of support vector machines); `square`: squared error, which has no naive Bayes.
        scaling: `naive_bayes`: as above, and the search begins there; `none`: all n-grams are penalised alike.
        strength: Inverse of the ridge penalty.
        iterations: Most passes over the texts, but for those that search along a line.
        report: Told the passes so far, and the mean loss.
    """
    if loss == "softmax" and targets.shape[1] == 1:
        loss = "sigmoid"
    uses_ratios = scaling == "naive_bayes" and loss != "square"
    ratios = log_count_ratios(blocks, targets) if uses_ratios else np.zeros((len(blocks.idf), targets.shape[1]), np.float32)
    scales = np.abs(ratios) + _LEAST_SCALE * np.abs(ratios).max(axis=1, keepdims=True) if uses_ratios else np.ones_like(ratios)
    problem = _Problem(blocks.halves, targets, sample_weight, scales, loss=loss, strength=strength)
    bias, weights = problem.solve(ratios, iterations, report)
    return LinearModel(weights * blocks.idf[:, None], blocks.idf, bias, blocks.words)


def fit_numbers(
    numbers: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray,
    *,
    loss: Loss,
    strength: float,
    iterations: int = ITERATIONS,
    report: Callable[[int, float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Do the same with a few numbers of each text in the place of n-grams; all are penalised alike.

    Args:
        numbers: (texts, numbers) float32.
        targets: (texts, outputs) float32.
        sample_weight: (texts,) float32.
        loss: As for `fit`.
        strength: Inverse of the ridge penalty.
        iterations: Most passes over the texts, but for those that search along a line.
        report: Told the passes so far, and the mean loss.

    Returns:
        bias (outputs,) and weights (numbers, outputs), both float32.
    """
    if loss == "softmax" and targets.shape[1] == 1:
        loss = "sigmoid"
    middle, half = len(numbers) // 2, numbers.shape[1] // 2
    halves = (numbers[:middle], numbers[middle:]), (numbers.T[:half], numbers.T[half:])
    ratios = np.zeros((numbers.shape[1], targets.shape[1]), np.float32)
    return _Problem(halves, targets, sample_weight, np.ones_like(ratios), loss=loss, strength=strength).solve(ratios, iterations, report)


def combine(models: Sequence[LinearModel], shares: Sequence[float] | np.ndarray) -> LinearModel:
    """Return the one model that says what several of the same n-grams say together, each times its share."""
    weights = sum(np.float32(share) * model.weights for share, model in zip(shares, models, strict=True))
    bias = sum(np.float32(share) * model.bias for share, model in zip(shares, models, strict=True))
    return LinearModel(np.asarray(weights), models[0].idf, np.asarray(bias), models[0].words)


class _Counter:
    """Count iterations for a report."""

    def __init__(self, report: Callable[[int, float], None], texts: int) -> None:
        self._report, self._texts, self._done = report, texts, 0

    def __call__(self, intermediate_result: Any) -> None:
        self._done += 1
        self._report(self._done, float(intermediate_result.fun) / max(1, self._texts))


def scale_to_length(blocks: Blocks, idf: np.ndarray) -> Any:
    """Return (texts, n-grams) CSR: each n-gram's inverse document frequency, divided by the length of the text's vector in its block."""
    from scipy.sparse import csr_matrix

    present = blocks.present
    texts = np.repeat(np.arange(present.shape[0]), np.diff(present.indptr))
    values = idf[present.indices]
    groups = 2 * texts + (present.indices >= blocks.words)
    lengths = np.sqrt(np.bincount(groups, weights=np.square(values), minlength=2 * present.shape[0]))
    return csr_matrix((values / lengths[groups].astype(np.float32), present.indices, present.indptr), shape=present.shape)


def log_count_ratios(blocks: Blocks, targets: np.ndarray) -> np.ndarray:
    """Return (n-grams, outputs) float32: how much more often each n-gram occurs in texts of an output than in others, as a logarithm.

    Source: Wang & Manning 2012, section 2.1, with presence in place of counts, and add-one smoothing. Each block is counted by itself.
    """
    inside = np.asarray(blocks.present.T @ targets, np.float64) + 1.0
    outside = blocks.document_frequencies()[:, None] + 2.0 - inside
    ratios = np.zeros(inside.shape, np.float32)
    for block in (slice(0, blocks.words), slice(blocks.words, None)):
        if len(inside[block]):
            ratios[block] = np.log(inside[block] / inside[block].sum(axis=0)) - np.log(outside[block] / outside[block].sum(axis=0))
    return ratios


class _Problem:
    """The loss and its gradient, as `scipy.optimize.minimize` asks for them; the products run on two threads.

    Variables are weights divided by the root of the loss's curvature along each of them, where it is largest: all then matter
    about equally, and a tenth of the passes suffice (diagonal preconditioning, Nocedal & Wright 2006, section 5.1).
    """

    threads: ThreadPoolExecutor

    def __init__(
        self, halves: tuple[_Halves, _Halves], targets: np.ndarray, sample_weight: np.ndarray, scales: np.ndarray, *, loss: Loss, strength: float
    ) -> None:
        self._rows, self._columns = halves
        self._targets = targets
        self._sample_weight = sample_weight[:, None]
        self._scales = scales
        self._loss = loss
        self._penalty = 1.0 / strength
        shares = np.average(targets, axis=0, weights=sample_weight) if sample_weight.any() else targets.mean(axis=0)
        # of a model that knows how frequent labels are and no more; of squares it is the same everywhere
        constant = {"square": 1.0, "hinge": 2.0}.get(loss)
        curvature = np.maximum(shares * (1.0 - shares), 1e-6) if constant is None else np.full(targets.shape[1], constant)
        squares = np.concatenate([_squares(half) @ self._sample_weight for half in self._columns])  # (n-grams, 1)
        steps = 1.0 / np.sqrt(squares * np.square(scales) * curvature + self._penalty)
        self._steps = steps.astype(np.float32)
        self._units = self._scales * self._steps
        self._bias_steps = (1.0 / np.sqrt(np.maximum(sample_weight.sum() * curvature, 1e-6))).astype(np.float32)

    def solve(self, ratios: np.ndarray, iterations: int, report: Callable[[int, float], None] | None) -> tuple[np.ndarray, np.ndarray]:
        """Return bias and weights of the least loss that so many iterations find, beginning with log-count ratios, or at zero."""
        from scipy.optimize import minimize

        with ThreadPoolExecutor(2) as threads:
            self.threads = threads
            options = {"maxiter": iterations, "maxcor": _MEMORY_OF_STEPS, "ftol": 1e-6}
            callback = None if report is None else _Counter(report, len(self._targets))
            found = minimize(self, self.start(ratios), jac=True, method="L-BFGS-B", options=options, callback=callback)
        return self.solution(found.x)

    def start(self, ratios: np.ndarray) -> np.ndarray:
        """Return where the search begins, (outputs + n-grams * outputs,) float64: at naive Bayes, of the strength that fits best.

        Args:
            ratios: (n-grams, outputs) float32, log-count ratios; zeros to begin at zero.
        """
        weights = np.divide(ratios, self._scales, out=np.zeros_like(ratios), where=self._scales > 0.0)
        logits = self._multiply(self._rows, ratios)
        penalty = 0.5 * self._penalty * float(np.vdot(weights, weights))
        losses = [self._judge(strength * logits)[0] + strength**2 * penalty for strength in _STARTS]
        best = _STARTS[int(np.argmin(losses))]
        return np.concatenate([np.zeros(weights.shape[1]), (best * weights / self._steps).ravel()]).astype(np.float64)

    def solution(self, variables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return bias (outputs,) and the weights (n-grams, outputs) of features that are not scaled, both float32."""
        bias, weights = self._divide(variables.astype(np.float32))
        return bias * self._bias_steps, weights * self._units

    def _divide(self, variables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = self._targets.shape[1]
        return variables[:outputs], variables[outputs:].reshape(len(self._scales), outputs)

    def __call__(self, variables: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the penalised loss and its gradient."""
        bias, weights = self.solution(variables)
        loss, residual = self._judge(self._multiply(self._rows, weights) + bias)
        ridge = self._divide(variables.astype(np.float32))[1] * self._steps
        gradient = self._multiply(self._columns, residual) * self._units + self._penalty * ridge * self._steps
        penalty = 0.5 * self._penalty * float(np.vdot(ridge, ridge))
        return loss + penalty, np.concatenate([residual.sum(axis=0) * self._bias_steps, gradient.ravel()]).astype(np.float64)

    def _judge(self, logits: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the summed loss, and its derivative by the logits (texts, outputs)."""
        if self._loss == "square":
            residual = logits - self._targets
            return 0.5 * float((self._sample_weight * np.square(residual)).sum(dtype=np.float64)), self._sample_weight * residual
        if self._loss == "hinge":
            signs = np.where(self._targets > 0.5, np.float32(1.0), np.float32(-1.0))
            missing = np.maximum(0.0, 1.0 - signs * logits)
            return float((self._sample_weight * np.square(missing)).sum(dtype=np.float64)), self._sample_weight * (-2.0 * signs * missing)
        if self._loss == "softmax":
            shifted = logits - logits.max(axis=1, keepdims=True)
            log_total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            log_probabilities = shifted - log_total
            losses, probabilities = -self._targets * log_probabilities, np.exp(log_probabilities)
        else:
            losses = np.logaddexp(0.0, logits) - self._targets * logits
            probabilities = 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
        return float((self._sample_weight * losses).sum(dtype=np.float64)), self._sample_weight * (probabilities - self._targets)

    def _multiply(self, halves: _Halves, dense: np.ndarray) -> np.ndarray:
        return np.concatenate(list(self.threads.map(lambda half: half @ dense, halves)))


def _squares(half: Any) -> Any:
    """Return the squares of an array, or of a sparse matrix."""
    return np.square(half) if isinstance(half, np.ndarray) else half.multiply(half)


def halves_of(matrix: Any) -> _Halves:
    """Divide a CSR matrix into two of about as many values."""
    middle = int(np.searchsorted(matrix.indptr, matrix.nnz // 2))
    return matrix[:middle], matrix[middle:]
