"""What a corpus holds, split by split, in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: a JSON document

from slmcli.inspection import Inspection

_LANGUAGES = {"Han": "Chinese (Han)", "Kana": "Japanese (Kana)", "Hangul": "Korean (Hangul)", "Thai": "Thai"}
# our choice: a script of fewer texts than this is not spoken of
_SHARE_OF_A_LANGUAGE = 0.05


@dataclass(frozen=True)
class TokenStatistics:
    """Tokens of one split.

    Attributes:
        lengths: Length in tokens, where `max_length` cuts, to the number of examples.
        unknown_tokens: Tokens that the vocabulary of the training split lacks.
        tokens: All tokens.
        vocabulary_size: Entries of the vocabulary.
    """

    lengths: Mapping[int, int]
    unknown_tokens: int
    tokens: int
    vocabulary_size: int


@dataclass(frozen=True)
class Setup:
    """How a corpus was looked at.

    Attributes:
        task: Name of the task.
        max_length: Tokens of a text that a model will see; None: all.
        tokenizer: Name of the tokenizer.
        cleaning: Cleaning steps.
        new_unknown_share: Estimate of the share of unknown tokens in new texts; None: cannot be said.
        files: Split to the names of its files.
    """

    task: str
    max_length: int | None = None
    tokenizer: str = "word"
    cleaning: Sequence[str] = ()
    new_unknown_share: float | None = None
    files: Mapping[str, Sequence[str]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "task": self.task,
            "files": {split: list(names) for split, names in (self.files or {}).items()},
            "tokenizer": self.tokenizer,
            "cleaning": list(self.cleaning),
            "max_length": self.max_length,
            "new_unknown_share": self.new_unknown_share,
        }


def summarize_split(found: Inspection, tokens: TokenStatistics, setup: Setup, *, most_frequent: str | None) -> dict[str, Any]:
    """Return what a split holds.

    Args:
        found: What was seen in its examples.
        tokens: Its tokens.
        setup: How it was looked at.
        most_frequent: The most frequent label of the training split.
    """
    total = max(1, sum(tokens.lengths.values()))
    labelled = sum(found.labels.values())
    is_baseline = most_frequent is not None and labelled
    return {
        "examples": found.examples,
        "dropped": found.dropped,
        "labels": dict(found.labels.most_common()),
        "label_words": {label: round(found.label_words[label] / count, 1) for label, count in found.labels.most_common() if found.label_words},
        "majority": {"label": most_frequent, "share": round(found.labels[str(most_frequent)] / labelled, 4)} if is_baseline else None,
        "entities": dict(found.entities.most_common()),
        "tokens": tokens.tokens,
        "vocabulary_size": tokens.vocabulary_size,
        "unknown_share": round(tokens.unknown_tokens / max(1, tokens.tokens), 4),
        "length": _quantiles(tokens.lengths),
        "length_in_words": _quantiles(found.words),
        "truncated_share": round(count_longer(tokens.lengths, setup.max_length) / total, 4),
        "scripts": dict(found.scripts.most_common()),
        "language": guess_language(found.scripts),
        "histogram": {str(length): tokens.lengths[length] for length in sorted(tokens.lengths)},
        "histogram_in_words": {str(length): found.words[length] for length in sorted(found.words)},
    }


def count_longer(lengths: Mapping[int, int], max_length: int | None) -> int:
    """Return how many texts will be cut."""
    return 0 if max_length is None else sum(count for length, count in lengths.items() if length > max_length)


def length_at(lengths: Mapping[int, int], share: float) -> int:
    """Return the shortest length that this share of the texts does not exceed."""
    wanted, seen = share * sum(lengths.values()), 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= wanted:
            return length
    return 0


def _quantiles(lengths: Mapping[int, int]) -> dict[str, int]:
    return {
        "median": length_at(lengths, 0.5),
        "p95": length_at(lengths, 0.95),
        "p99": length_at(lengths, 0.99),
        "max": max(lengths, default=0),
    }


def guess_language(scripts: Mapping[str, int]) -> str:
    """Say which language or script the texts are written in; a script alone does not tell English from German."""
    total = sum(scripts.values())
    shares = {script: count / total for script, count in scripts.items() if script != "none" and count >= _SHARE_OF_A_LANGUAGE * total}
    names = {script: _LANGUAGES.get(script, f"{script} script") for script in shares}
    if len(shares) < 2:
        return next(iter(names.values()), "no letters")
    return "mixed: " + ", ".join(f"{names[script]} {share:.0%}" for script, share in sorted(shares.items(), key=lambda item: -item[1]))


def estimate_unknown(counts: Mapping[str, int], vocabulary: Sequence[str], *, min_frequency: int) -> float:
    """Estimate the share of tokens in new texts that the vocabulary lacks, from the training texts alone.

    Source: Good 1953, "The population frequencies of species and the estimation of population parameters", in its leave-one-out
    form: a token of the training texts is taken for new, and is unknown when its word has no entry without it. Differs: counts
    words, not texts, so it is too low where a rare word comes several times in one text.

    Args:
        counts: Words of the training texts and how often each occurs.
        vocabulary: Those that have an entry.
        min_frequency: Occurrences that an entry needs.
    """
    known = frozenset(vocabulary)
    unknown = sum(count for word, count in counts.items() if count <= min_frequency or word not in known)
    return round(unknown / max(1, sum(counts.values())), 4)
