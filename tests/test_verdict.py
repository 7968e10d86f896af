import pytest

from slmcli.verdict import verdict


def result(difference: list[float] | None, *, is_clear: bool) -> dict[str, object]:
    found = None if difference is None else {"baseline": "nbsvm", "value": sum(difference) / 2, "interval": difference, "is_clear": is_clear}
    return {
        "examples": 1000, "scores": {"accuracy": 0.9}, "intervals": {"accuracy": [0.88, 0.92]},
        "baselines": {"nbsvm": {"accuracy": 0.88}}, "difference": found,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "is_clear", "end"),
    [
        ([0.01, 0.03], True, ": 2.0 points above the best baseline, NB-SVM (88.0%), 1.0 to 3.0."),
        ([-0.03, -0.01], True, ": 2.0 points below the best baseline, NB-SVM (88.0%), 1.0 to 3.0. Use the baseline, or more data."),
        ([-0.01, 0.03], False, ": not clearly different from the best baseline, NB-SVM (88.0%)."),
        ([0.01, 0.03], False, ": not clearly different from the best baseline, NB-SVM (88.0%)."),
        (None, False, "; no baseline was trained."),
    ],
    ids=["above", "below", "alike", "above by the interval alone", "alone"],
)
def test_the_verdict_says_whether_a_model_earns_its_keep(difference: list[float] | None, is_clear: bool, end: str) -> None:
    assert verdict(result(difference, is_clear=is_clear), "accuracy") == f"Accuracy 90.0% (95 % interval 88.0% to 92.0%) on 1,000 examples{end}"


def test_bleu_is_written_without_a_percent_sign() -> None:
    found = {"examples": 1, "scores": {"bleu": 0.4293}, "intervals": {"bleu": [0.414, 0.4436]}, "baselines": {}, "difference": None}
    assert verdict(found, "bleu") == "BLEU 42.9 (95 % interval 41.4 to 44.4) on one example; no baseline was trained."


def test_the_verdict_says_how_to_have_baselines() -> None:
    sentence = verdict(result(None, is_clear=False), "accuracy", lacks_dataset=True)
    assert sentence.endswith("; no baseline was trained: pass --dataset DIR, with the dataset that the model was trained on, to have some.")
