from pathlib import Path
from typing import Any

import pytest
from quality_sets import Bars, QualitySet
from quality_table import add_result, best_other, interval, merge, per_seed, read_results, table, verdict


def result(program: str, accuracy: float, *, seed: int = 0, fold: int = 0, seconds: float = 1.0) -> dict[str, Any]:
    bounds = [accuracy - 0.02, accuracy + 0.02]
    row = {"set": "mail", "split": "test", "program": program, "seed": seed, "fold": fold, "interval": bounds}
    return {**row, "scores": {"accuracy": accuracy}, "seconds": seconds, "stages": {"training": seconds}}


def test_a_result_is_found_in_the_file_again(tmp_path: Path) -> None:
    add_result(tmp_path / "results.json", result("slm", 0.9))
    add_result(tmp_path / "results.json", result("slm", 0.8, seed=1))
    assert read_results(tmp_path / "results.json") == [result("slm", 0.9), result("slm", 0.8, seed=1)]


def test_a_missing_file_has_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path / "results.json") == []


def test_the_newer_of_two_equal_results_stays() -> None:
    assert merge([result("slm", 0.8)], [result("slm", 0.9)]) == [result("slm", 0.9)]


def test_the_score_of_a_seed_is_the_mean_of_its_folds() -> None:
    assert per_seed([result("slm", 0.8, fold=0), result("slm", 0.9, fold=1), result("slm", 0.7, seed=1)], "accuracy") == pytest.approx([0.85, 0.7])


def test_the_interval_over_two_seeds_is_the_mean_of_their_bounds() -> None:
    assert interval([result("slm", 0.8), result("slm", 0.9, seed=1)], "accuracy") == pytest.approx((0.83, 0.87))


def test_the_interval_over_three_seeds_is_students() -> None:
    # mean 0.85, standard deviation 0.05, by the root of 3: 0.02887; t of two degrees of freedom 4.303
    seeds = [result("slm", value, seed=seed) for seed, value in enumerate((0.8, 0.85, 0.9))]
    assert interval(seeds, "accuracy") == pytest.approx((0.85 - 0.1242, 0.85 + 0.1242), abs=1e-4)


def test_the_interval_of_seeds_that_decide_nothing_is_that_of_each() -> None:
    assert interval([result("slm", 0.8, seed=seed) for seed in range(3)], "accuracy") == pytest.approx((0.78, 0.82))


def test_the_interval_over_folds_is_students() -> None:
    # mean 0.85, standard deviation 0.0707, by the root of 2: 0.05; t of one degree of freedom 12.706
    assert interval([result("slm", 0.8, fold=0), result("slm", 0.9, fold=1)], "accuracy") == pytest.approx((0.85 - 0.6353, 0.85 + 0.6353), abs=1e-4)


def test_the_best_other_program_is_not_ours() -> None:
    rows = [result("slm --preset best", 0.99), result("fastText", 0.8), result("NB-SVM", 0.9, seconds=3)]
    assert best_other(rows, "accuracy") == ("NB-SVM", 0.9, 3)


@pytest.mark.parametrize(
    ("score", "seconds", "bars", "expected"),
    [
        (0.92, 1, Bars("0.90", "0.92"), "goal"),
        (0.91, 1, Bars("0.90", "0.92"), "must"),
        (0.89, 1, Bars("0.90", "0.92"), "no"),
        (0.91, 1, Bars("+0.01", "+0.03"), "no"),
        (0.93, 1, Bars("+0.01", "+0.03"), "must"),
        (0.93, 61, Bars("0.90", "", 60), "must, but over 60 s"),
        (0.93, 1, Bars(), "–"),
    ],
)
def test_a_verdict_names_the_bar(score: float, seconds: float, bars: Bars, expected: str) -> None:
    assert verdict(score, seconds, bars, 0.905) == expected


def test_the_table_has_a_line_for_each_set_and_program() -> None:
    rows = [result("slm", 0.9), result("slm", 0.92, seed=1), result("slm", 0.93, seed=2), result("fastText", 0.8, seconds=3)]
    line = table([(QualitySet("mail", "mail", "topic"), "slm", Bars("+0.1", "0.95"))], rows, split="test").splitlines()[-1]
    assert line == (
        "| mail | accuracy | slm | 0.9167 (0.9000 to 0.9300) | 0.8787 to 0.9546 | 1 (1) | fastText | 0.8000 | 3 | 0.9000 (+0.1) | 0.95 | must |"
    )


def test_a_program_without_results_has_an_empty_line() -> None:
    line = table([(QualitySet("mail", "mail", "topic"), "slm", Bars("0.9"))], [], split="test").splitlines()[-1]
    assert line == "| mail | accuracy | slm | – | – | – | – | – | – | 0.9 | – | – |"
