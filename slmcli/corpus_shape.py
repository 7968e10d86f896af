"""What of a dataset decides the settings of its training: how many texts of which kind there are."""

from slmcli.character_ngrams import texts_of_entries
from slmcli.corpus_identity import TAUGHT, UNLABELLED
from slmcli.dataset import Dataset
from slmcli.tasks import TASKS

# our choice, on validation data of ten corpora (docs/decisions.md)
_LARGE_CORPUS = 5_000
_SHORT_TEXT, _FEW_EXAMPLES = 100, 2_000  # tokens, on average; of a label
_MANY_TOKENS = 1_000_000  # of texts without labels


def is_large(dataset: Dataset) -> bool:
    """Say whether there are enough examples for what a few would only be learned by heart."""
    return dataset.examples("train") >= _LARGE_CORPUS


def has_long_texts(dataset: Dataset) -> bool:
    """Say whether a training example has a hundred tokens or more, on average."""
    return _mean_length(dataset) >= _SHORT_TEXT


def has_many_long_texts(dataset: Dataset) -> bool:
    """Say whether the corpus is large, and its texts long."""
    return is_large(dataset) and has_long_texts(dataset)


def is_short_and_sparse(dataset: Dataset) -> bool:
    """Say whether few examples of short texts show each of several labels, as with questions and intents."""
    is_sparse = len(dataset.labels) > 2 and dataset.examples("train") < _FEW_EXAMPLES * len(dataset.labels)
    return TASKS.load(dataset.task).output_loss == "softmax" and is_sparse and not has_long_texts(dataset)


def has_many_texts(dataset: Dataset) -> bool:
    """Say whether there are texts without labels, or that had none, and enough of them to say what words mean."""
    facts = dataset.description.get(UNLABELLED) or dataset.description.get(TAUGHT) or {"tokens": 0}
    return facts["tokens"] >= _MANY_TOKENS and reads_words(dataset)


def reads_words(dataset: Dataset) -> bool:
    """Say whether most tokens that the tokenizer knows have more than one character; of Chinese text few have."""
    lengths = [len(text) for text in texts_of_entries(dataset.load_tokenizer()) if text]
    return 2 * sum(length > 1 for length in lengths) > len(lengths)


def _mean_length(dataset: Dataset) -> float:
    lengths = dataset.length_histogram("train")
    return sum(length * count for length, count in lengths.items()) / max(1, sum(lengths.values()))
