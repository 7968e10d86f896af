import dataclasses
import re
from typing import Any

import pytest

from slmcli.report.evaluation_page import Background, render_evaluation

LABELS = ["negative", "positive", "<b>mixed</b> 混合"]


def report(**more: Any) -> dict[str, Any]:
    """Return what an evaluation writes, of three labels."""
    mistake = {"source": "test.csv", "row": 7, "text": "<script>alert(1)</script> 不好吃 😡", "reference": LABELS[0], "predicted": LABELS[1]}
    return {
        "task": "sentiment", "split": "test", "examples": 60, "verdict": "Accuracy 80.0% on 60 examples.", "report": "report.json",
        "scores": {"accuracy": 0.8, "macro_f1": 0.79, "log_loss": 0.5, "expected_calibration_error": 0.04, "roc_auc": 0.9, "pr_auc": 0.88},
        "intervals": {"accuracy": [0.7, 0.9], "macro_f1": [0.68, 0.89], "log_loss": [0.4, 0.6]},
        "baselines": {"majority": {"accuracy": 0.4, "macro_f1": 0.2, "seconds": 0.0}, "nbsvm": {"accuracy": 0.7, "macro_f1": 0.7, "seconds": 1.25}},
        "difference": {"baseline": "nbsvm", "value": 0.1, "interval": [0.02, 0.18], "is_clear": True},
        "per_label": {label: {"precision": 0.8, "recall": 0.8, "f1": 0.8, "f1_interval": [0.7, 0.9], "examples": 20} for label in LABELS},
        "confusion": {"labels": LABELS, "counts": [[16, 3, 1], [2, 17, 1], [4, 1, 15]]},
        "calibration": [{"examples": 20, "probability": 0.6, "accuracy": 0.55}, {"examples": 40, "probability": 0.93, "accuracy": 0.92}],
        "curves": [{"label": label, "roc": [[0, 0], [0.1, 0.8], [1, 1]], "precision_recall": [[0.2, 1], [1, 0.4]]} for label in LABELS],
        "slices": [{"by": "length", "value": "1 to 9 words", "examples": 30, "score": 0.75, "interval": [0.6, 0.9]}],
        "weak_words": [{"word": "but", "examples": 25, "wrong": 0.5, "wrong_elsewhere": 0.1, "p": 0.0003}],
        "mistakes": [{**mistake, "probability": 0.97, "reference_probability": 0.02}] * 12,
        "label_issues": {"count": 1, "examples": [{"source": "test.csv", "row": 7, "text": "lovely", "label": LABELS[0], "suggested": LABELS[1],
                                                   "probability": 0.1, "suggested_probability": 0.9}]},
        "cost": {"model_bytes": 1_010_000, "bundle_bytes": 1_400_000, "parameters": 250_000, "texts_per_second": 2500.0, "latency_ms_p50": 0.8,
                 "latency_ms_p95": 1.6, "latency_ms_p99": 2.4, "peak_memory_mb": 120.0, "load_seconds": 0.4},
        **more,
    }  # fmt: skip


BARE = Background("run", {}, {}, {}, [], {})
WHOLE = Background(
    name="reviews/run",
    manifest={"format": "litert", "tokenizer_fingerprint": "0123456789abcdef", "backbone": "conv"},
    settings={"backbone": "conv", "filters": 128, "widths": [1, 2, 3], "init_from": None},
    environment={"slmcli": "0.1.0", "packages": {"keras": "3.13"}},
    epochs=[
        {"epoch": epoch, "loss": 1 / epoch, "val_loss": 1.1 / epoch, "accuracy": 0.7, "val_accuracy": 0.6, "is_best": True} for epoch in (1, 2, 3)
    ],
    data={"summary": "60 texts with 3 labels.", "findings": [{"severity": "warning", "message": "3 texts are empty."}]},
)


def page_of(document: dict[str, Any], background: Background = WHOLE) -> str:
    return render_evaluation(document, background, main="accuracy", texts=["text"])


def marked_mistake() -> dict[str, Any]:
    """Return a mistake of which words are known that led to it."""
    text = "<script>kind</script> but 不好吃 " + "x" * 300
    words = [(8, 12, 0.4), (22, 25, -0.1), (26, 29, -0.35), (30, 330, 0.05)]
    rows = [{"word": text[start:end], "start": start, "end": end, "weight": weight} for start, end, weight in words]
    facts = {"source": "test.csv", "row": 7, "text": text, "reference": LABELS[0], "predicted": LABELS[1], "explained": LABELS[1], "words": rows}
    return {**facts, "probability": 0.97, "reference_probability": 0.02}


def of_a_language_model() -> dict[str, Any]:
    """Return what an evaluation of a language model writes."""
    names = ("per_label", "confusion", "calibration", "curves")
    kept = {name: value for name, value in report(mistakes=[], weak_words=[], label_issues={}).items() if name not in names}
    counted = {"token_frequency": {"loss": 3.3, "perplexity": 28.4, "seconds": 0.1}, "kneser_ney": {"loss": 1.6, "perplexity": 4.9, "seconds": 2.0}}
    cost = {name: value for name, value in kept["cost"].items() if name != "texts_per_second"}
    return {
        **kept, "task": "language-model", "objective": "causal-lm", "examples": 1, "tokens": 111_541,
        "scores": {"loss": 1.7, "perplexity": 5.5}, "intervals": {"loss": [1.6, 1.8], "perplexity": [5.0, 6.0]}, "baselines": counted,
        "difference": {"baseline": "kneser_ney", "value": -0.1, "interval": [-0.12, -0.08], "is_clear": True},
        "slices": [{"by": "times seen in training", "value": "100 to 999", "examples": 269, "score": 453.8, "interval": [300.0, 700.0]}],
        "passages": [{"document": 1, "token": 65, "tokens": 64, "loss": 3.25, "text": "hic est <b>Sigeia</b> tellus " + "x" * 300}],
        "cost": {**cost, "tokens_per_second": 388.0},
    }  # fmt: skip


def test_the_sentence_comes_before_all_figures() -> None:
    html = page_of(report())
    assert html.index("Accuracy 80.0% on 60 examples.") < html.index("<h2>Scores</h2>")


def test_texts_and_labels_are_escaped() -> None:
    html = page_of(report())
    assert "<script" not in html
    assert "<b>mixed" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 不好吃 😡" in html


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?\s*(https?:)?//""", page_of(report()))


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"baseline": "nbsvm", "value": 0.1, "interval": [0.02, 0.18], "is_clear": True}, "✓ It earns its keep"),
        ({"baseline": "nbsvm", "value": 0.0, "interval": [-0.1, 0.1], "is_clear": False}, "! No better than a baseline, as far as can be told"),
        ({"baseline": "nbsvm", "value": -0.1, "interval": [-0.18, -0.02], "is_clear": True}, "✕ A baseline is better"),
        (None, "Scored, beside no baseline"),
    ],
    ids=["better", "alike", "worse", "alone"],
)
def test_the_heading_says_whether_it_is_worth_it(difference: Any, words: str) -> None:
    assert words in page_of(report(difference=difference))


def test_many_labels_have_a_list_of_confusions_in_place_of_a_matrix() -> None:
    labels = [f"intent {number}" for number in range(20)]
    counts = [[9 if row == column else int(column == row + 1) for column in range(20)] for row in range(20)]
    html = page_of(report(confusion={"labels": labels, "counts": counts}))
    assert 'class="matrix"' not in html
    assert "intent 0 → intent 1" in html


def test_a_bundle_alone_has_no_story_of_its_training() -> None:
    html = page_of(report(), BARE)
    assert "How it was made" not in html
    assert "over epochs" not in html


def test_numbers_have_no_labels_and_no_curves() -> None:
    names = ("per_label", "confusion", "calibration", "curves", "cost")
    document = {name: value for name, value in report(label_issues={}, weak_words=[], difference=None, baselines={}).items() if name not in names}
    document |= {"scores": {"pearson": -0.1, "mean_absolute_error": 1.5}, "intervals": {"pearson": [-0.3, 0.1]}}
    document["mistakes"] = [{"source": "a.csv", "row": 1, "text": "fine", "reference": 5.0, "predicted": 1.25}]
    html = render_evaluation(document, BARE, main="pearson", texts=["text"])
    assert "Greatest errors" in html
    assert "said 1.25" in html


def test_members_of_a_model_have_plots_of_their_own() -> None:
    epochs = [
        {"epoch": 1, "loss": 0.5},
        {"epoch": 2, "loss": 0.4},
        {"epoch": 1, "loss": 0.9, "member": "lstm"},
        {"epoch": 2, "loss": 0.8, "member": "lstm"},
    ]
    html = page_of(report(), dataclasses.replace(WHOLE, epochs=epochs))
    assert "Loss over epochs" in html
    assert "Loss of lstm over epochs" in html
    assert html.count('<polyline class="line l0"') == 2 + 2  # two curves, and a loss for each member


def test_words_of_mistakes_are_marked_and_escaped() -> None:
    html = page_of(report(mistakes=[{**marked_mistake(), "words": []}, marked_mistake()]))
    assert '<span class="word for strong"' in html
    assert "strongly against" in html
    assert "<script" not in html


def test_a_language_model_has_passages_in_place_of_mistakes() -> None:
    html = render_evaluation(of_a_language_model(), BARE, main="perplexity", texts=["text"])
    assert "111,541 tokens in one text of test split" in html
    assert "hic est &lt;b&gt;Sigeia" in html
    assert "388</b> tokens a second" in html
    assert "Mistakes" not in html
