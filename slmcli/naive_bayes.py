"""What each token says about the labels, counted before anything is trained."""

import numpy as np

from slmcli.dataset import Dataset
from slmcli.tokenizers.base import PADDING_ID, UNKNOWN_ID


def log_count_ratios(dataset: Dataset, *, vocabulary_size: int) -> np.ndarray:
    """Return how much more often each token occurs in texts of a label than in the others, as a logarithm.

    Source: Wang & Manning 2012, section 2.1, with presence in place of counts and add-one smoothing.

    Returns:
        (vocabulary_size, columns) float32: one column for two labels (the second against the first), else one for each label
        against the rest. Padding and unknown tokens have 0.
    """
    counts = np.ones((len(dataset.labels), vocabulary_size), np.float64)
    for example in dataset.read("train"):
        counts[example.features["label"][0], np.unique(example.features["token_ids"])] += 1.0
    inside = counts if len(counts) > 2 else counts[1:]
    outside = counts.sum(axis=0) - inside
    ratios = np.log(inside / inside.sum(axis=1, keepdims=True)) - np.log(outside / outside.sum(axis=1, keepdims=True))
    ratios[:, [PADDING_ID, UNKNOWN_ID]] = 0.0
    return ratios.T.astype(np.float32)
