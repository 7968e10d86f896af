"""Token vectors to begin with from a file of word vectors, and how many tokens they cover."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.dataset import Dataset
from slmcli.errors import DataError
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer
from slmcli.vector_files import read_vectors

logger = logging.getLogger(__name__)

# our choice: that of the vectors counted from texts, which was chosen on validation data (docs/decisions.md)
SCALE = 0.2
_FEW = 0.5  # our choice: of the training tokens; below it a file says little about the texts
_BLOCK_TEXTS = 4096


@dataclass(frozen=True)
class InitialVectors:
    """Vectors of a file for the tokens of a vocabulary.

    Attributes:
        matrix: (vocabulary, width) float32, the values of each known token with a root mean square of 0.2; zeros elsewhere.
        is_known: (vocabulary,) bool, whether the file has the token.
        coverage: `file`; `words` of the file; `tokens_covered`, share of the vocabulary without special tokens; `text_covered`, share of the
            tokens of the training texts.
    """

    matrix: np.ndarray
    is_known: np.ndarray
    coverage: dict[str, Any]

    def fill(self, *, seed: int) -> np.ndarray:
        """Return (vocabulary, width) float32: tokens that the file has not begin by chance, with values as large as those of the others."""
        chance = np.random.default_rng(seed).normal(0.0, SCALE, self.matrix.shape).astype(np.float32)
        return np.where(self.is_known[:, None], self.matrix, chance)


def load_initial_vectors(dataset: Dataset, path: Path, features: Sequence[str]) -> InitialVectors:
    """Read the vectors of a dataset's tokens, once for all members of a model; say how much of the training texts they cover.

    All get the same length, that of vectors counted from texts: files differ tenfold in how large their values are, which learning rates do
    not know, and inside a file it is mostly how frequent a word is that makes its vector long or short (docs/decisions.md).

    Args:
        dataset: The dataset.
        path: The file.
        features: Features of an example that hold token ids.

    Raises:
        DataError: The file is damaged, or has none of the tokens.
    """
    key = ("train", (*features, f"vectors {path}"))
    if key not in dataset.kept:
        dataset.kept[key] = _load(dataset, path, features)
    return dataset.kept[key]


def _load(dataset: Dataset, path: Path, features: Sequence[str]) -> InitialVectors:
    tokenizer = dataset.load_tokenizer()
    special = len(SPECIAL_TOKENS)
    found = read_vectors(path, tokenizer.vocabulary[special:], folds_case="lowercase" in tokenizer.cleaning.cleaning)
    if not found.is_found.any():
        raise DataError(f"{path}: none of its {found.words:,} words is a token of {dataset.path}. {_cause(tokenizer)}")
    matrix = np.zeros((special + len(found.matrix), found.matrix.shape[1]), np.float32)
    matrix[special:] = _of_one_length(found.matrix)
    is_known = np.concatenate([np.zeros(special, bool), found.is_found])
    counts = _count_tokens(dataset, features, len(matrix))
    coverage = {
        "file": str(path),
        "words": found.words,
        "tokens_covered": round(float(found.is_found.mean()), 4),
        "text_covered": round(float(counts[is_known].sum() / max(1, counts.sum())), 4),
    }
    _report(coverage, tokenizer)
    return InitialVectors(matrix, is_known, coverage)


def _of_one_length(matrix: np.ndarray) -> np.ndarray:
    """Return (rows, width) float32, each row with the root mean square that is wanted; zeros stay zeros.

    Source: Levy et al. 2015, "Improving distributional similarity with lessons learned from word embeddings", section 3.3: rows of one length.
    """
    sizes = np.sqrt(np.square(matrix, dtype=np.float64).mean(axis=1, keepdims=True))
    return np.divide(SCALE * matrix, sizes, out=np.zeros(matrix.shape), where=sizes > 0.0).astype(np.float32)


def _count_tokens(dataset: Dataset, features: Sequence[str], size: int) -> np.ndarray:
    """Return (size,) int64, how often each token stands in the training texts; marks between texts are no tokens of them, unknown words are."""
    counts = np.zeros(size, np.int64)
    texts = (example.features[name] for example in dataset.read("train") for name in features)
    for block in _blocks(texts):
        counts += np.bincount(np.concatenate(block), minlength=size)
    counts[[number for number in range(len(SPECIAL_TOKENS)) if number != UNKNOWN_ID]] = 0
    return counts


def _blocks(texts: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    while block := list(islice(texts, _BLOCK_TEXTS)):
        yield block


def _report(coverage: dict[str, Any], tokenizer: Tokenizer) -> None:
    """Say how much is covered, and what may be wrong when that is little."""
    tokens, text = 100 * coverage["tokens_covered"], 100 * coverage["text_covered"]
    logger.info("%s: vectors for %.1f %% of the vocabulary and %.1f %% of the training tokens", coverage["file"], tokens, text)
    if coverage["text_covered"] < _FEW:
        logger.warning("%s covers only %.1f %% of the training tokens; the others begin by chance. %s", coverage["file"], text, _cause(tokenizer))


def _cause(tokenizer: Tokenizer) -> str:
    """Return what is likely to be the matter when a file lacks most tokens."""
    if not tokenizer.is_one_piece:
        return f"Tokenizer {tokenizer.name} splits words into pieces, which files of words lack: preprocess again with --tokenizer word."
    return "Likely the file's words are in another case, were split otherwise, or are of another language."
