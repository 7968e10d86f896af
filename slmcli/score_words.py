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
}
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
}


def score_in_words(name: str) -> str:
    """Return the name of a score as people write it: `macro F1`."""
    return _SCORE_NAMES.get(name, name.replace("_f1", " F1").replace("_", " "))
