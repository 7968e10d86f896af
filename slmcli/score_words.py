"""What scores and baselines are called where people read."""

BASELINE_NAMES = {
    "majority": "most frequent label",
    "keyword": "telling words",
    "tfidf_logistic": "TF-IDF + logistic regression",
    "nbsvm": "NB-SVM",
    "frequent_set": "most frequent set of labels",
    "mean": "mean of the training scores",
    "tfidf_ridge": "TF-IDF + ridge regression",
    "token_frequency": "frequency of tokens",
    "kneser_ney": "Kneser-Ney 5-grams",
    "frequent_tags": "most frequent tag of each word",
    "sliding_window": "sliding window",
    "copied_source": "copy of the source",
    "similar_source": "translation of the most similar source",
    "copied_turn": "copy of the last turn",
    "lead_1": "first sentence",
    "lead_3": "first three sentences",
    "similar_context": "response to the most similar context",
}
# shares that people write as a number of 100 without a percent sign
_OF_HUNDRED = frozenset({"bleu", "chrf"})
_SCORE_NAMES = {
    "loss": "nats a token",
    "nats_per_character": "nats a character",
    "bits_per_character": "bits a character",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "brier": "Brier score",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "f1": "F1",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
}


def score_in_words(name: str) -> str:
    """Return the name of a score as people write it: `macro F1`."""
    return _SCORE_NAMES.get(name, name.replace("_f1", " F1").replace("_", " "))


def share_in_words(value: float, name: str) -> str:
    """Return a score between 0 and 1 as people write it: 82.9%, or of those of translation 42.9."""
    return f"{100 * value:.1f}" if name in _OF_HUNDRED else f"{value:.1%}"
