"""The data report: every finding has a corpus that has it, and none is found in a clean one."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from slmcli.checking import DataReport, build_report
from slmcli.cleaning import normal_form
from slmcli.config import CorpusSettings
from slmcli.corpus_facts import Setup, TokenStatistics
from slmcli.dividing import Survey, find_repeats
from slmcli.files import read_json, write_json
from slmcli.findings import Finding
from slmcli.inspection import Inspection
from slmcli.preprocessing import name_repeats
from slmcli.reading import Example, read_examples
from slmcli.scanning import hashes

FINDINGS = (
    "empty_text",
    "no_examples",
    "truncated",
    "missing_label",
    "one_class",
    "unseen_label",
    "rare_label",
    "imbalance",
    "many_labels",
    "conflicting_labels",
    "overlap",
    "duplicate",
)
MAX_LENGTH = 10  # tokens


def example(text: str, label: str | None = "good", row: int = 1) -> Example:
    """Return one example of a file that need not exist."""
    return Example({"text": text, "label": label}, "soups.csv", row)


def texts(label: str, count: int, *, start: int = 0) -> list[Example]:
    """Return different texts of one label."""
    return [example(f"{label} soup number {number}", label, number) for number in range(start, start + count)]


def clean_corpus() -> dict[str, list[Example]]:
    """Return a corpus without a fault: 20 training and 6 validation examples."""
    return {"train": texts("good", 10) + texts("bad", 10), "validation": texts("good", 3, start=50) + texts("bad", 3, start=50)}


def report(splits: dict[str, list[Example]], *, max_length: int | None = MAX_LENGTH, cleaning: Sequence[str] = ("markup",)) -> DataReport:
    """Check a corpus, with words between spaces as tokens."""
    inspections = {split: Inspection("topic") for split in splits}
    known = {each.label for each in splits.get("train", ()) if each.text}
    for split, examples in splits.items():
        for each in examples:
            inspections[split].add(each, is_empty=not each.text.split(), unseen=[each.label] if each.label and each.label not in known else [])
    lengths = {split: Counter(len(each.text.split()) for each in examples) for split, examples in splits.items()}
    every = [each for examples in splits.values() for each in examples]
    repeats = find_repeats(survey(splits), survey(splits).splits)
    return build_report(
        inspections,
        tokens={split: TokenStatistics(counts, 0, sum(length * count for length, count in counts.items()), 100) for split, counts in lengths.items()},
        repeats=name_repeats(repeats, dict(enumerate(every))),
        setup=Setup("topic", max_length, cleaning=cleaning),
    )


def survey(splits: dict[str, list[Example]]) -> Survey:
    """Return what is compared between examples."""
    every = [each for examples in splits.values() for each in examples]
    names = ["", *sorted({each.label for each in every if each.label is not None})]
    return Survey(
        keys=hashes([normal_form(each.text) for each in every]),
        raw=hashes([each.text for each in every]),
        splits=np.repeat(np.arange(len(splits), dtype=np.uint8), [len(examples) for examples in splits.values()]),
        strata=np.array([names.index(each.label or "") for each in every], np.int32),
        has_text=np.array([bool(each.text.split()) for each in every], bool),
        names=names,
        tokens=sum(len(each.text.split()) for each in every),
    )


def find(finding_id: str, *, train: Sequence[Example] = (), validation: Sequence[Example] = (), max_length: int = MAX_LENGTH) -> Finding | None:
    """Return the finding in the clean corpus with these examples added, if it is there."""
    corpus = clean_corpus()
    splits = {"train": [*corpus["train"], *train], "validation": [*corpus["validation"], *validation]}
    return by_id(report(splits, max_length=max_length)).get(finding_id)


def by_id(found: DataReport) -> dict[str, Finding]:
    """Return the findings by their id."""
    return {finding.id: finding for finding in found.findings}


@pytest.mark.parametrize("finding_id", FINDINGS)
def test_a_clean_corpus_is_without(finding_id: str) -> None:
    assert finding_id not in by_id(report(clean_corpus()))


def test_a_clean_corpus_has_no_findings_at_all() -> None:
    assert report(clean_corpus()).findings == []


def test_empty_texts_are_found_with_their_rows() -> None:
    found = find("empty_text", train=[example("", row=7), example("", row=8)])
    assert found == Finding(
        "empty_text", "warning", 2, "2 texts are empty after cleaning.", "Dropped by slm preprocess.", ["soups.csv:7: ", "soups.csv:8: "]
    )


def test_a_split_of_empty_texts_is_an_error() -> None:
    found = by_id(report({**clean_corpus(), "test": [example(""), example(" ")]}))["no_examples"]
    assert (found.severity, found.count, found.message) == ("error", 2, "The test split has no examples after cleaning.")


def test_a_split_without_rows_is_an_error() -> None:
    found = by_id(report({**clean_corpus(), "validation": []}))["no_examples"]
    assert (found.severity, found.count, found.message) == ("error", 0, "The validation split has no examples after cleaning.")


def test_many_long_texts_are_found() -> None:
    # 3 of 29 texts are longer than 10 tokens
    found = find("truncated", train=[example(f"{number} " + "very " * 10 + "long soup") for number in range(3)])
    assert found is not None
    assert (found.severity, found.count) == ("note", 3)
    assert found.message == "10% of the texts are longer than 10 tokens and will be cut."


def test_a_few_long_texts_are_no_finding() -> None:
    # 1 of 27 is not more than 1 in 20
    assert find("truncated", train=[example("very " * 10 + "long soup")]) is None


@pytest.mark.parametrize("count", [1, 2, 3], ids=lambda count: f"{count} long")
def test_the_length_proposed_keeps_95_of_100_texts_whole(count: int) -> None:
    # of 20 · count - 1 texts, count are 50 tokens long: more than 5 of 100, so 95 of 100 are whole only at 50
    short = [example("mild tea", label) for label in ("good", "bad") for _ in range(10 * count)][:-1]
    splits = {"train": [*short[count:], *(example("tea " * 50) for _ in range(count))]}
    assert by_id(report(splits))["truncated"].action.startswith("--max-length 50 keeps 95 %")


def test_missing_labels_are_found_with_their_rows() -> None:
    found = find("missing_label", train=[example("some soup", None, 7)])
    assert found is not None
    assert (found.severity, found.count, found.message) == ("warning", 1, "1 text has nothing to predict: no label or target.")
    assert found.rows == ["soups.csv:7: some soup"]


def test_a_single_label_is_an_error() -> None:
    found = by_id(report({"train": texts("good", 12)}))["one_class"]
    assert (found.severity, found.count, found.message) == ("error", 12, "The training split has only the label 'good'.")


def test_no_label_at_all_is_an_error() -> None:
    found = by_id(report({"train": [example("some soup", None)]}))["one_class"]
    assert (found.severity, found.count, found.message) == ("error", 0, "The training split has no label.")


def test_a_label_that_training_lacks_is_an_error() -> None:
    found = find("unseen_label", validation=[example("odd soup", "strange", 7)])
    assert found is not None
    assert (found.severity, found.count, found.rows) == ("error", 1, ["soups.csv:7: odd soup"])
    assert found.message == "1 text in validation is labelled 'strange', which no training example has."
    assert found.action == "Correct the label (known: bad, good), or pass --unknown-labels skip to slm preprocess."


def test_a_label_of_empty_training_texts_alone_is_an_error_elsewhere() -> None:
    found = find("unseen_label", train=[example("", "strange")], validation=[example("odd soup", "strange", 7)])
    assert found is not None
    assert found.message.startswith("1 text in validation is labelled 'strange'")


def test_a_label_that_only_training_has_is_no_finding() -> None:
    assert find("unseen_label", train=texts("plain", 10)) is None


def test_rare_labels_are_found_with_their_counts() -> None:
    found = find("rare_label", train=texts("odd", 9) + texts("strange", 2))
    assert found is not None
    assert (found.severity, found.count) == ("warning", 2)
    assert found.message == "2 labels have fewer than 10 training examples: strange (2), odd (9)."


def test_one_rare_label_is_spoken_of_in_the_singular() -> None:
    found = find("rare_label", train=texts("odd", 9))
    assert found is not None
    assert found.message == "1 label has fewer than 10 training examples: odd (9)."


def test_a_label_with_ten_examples_is_not_rare() -> None:
    assert find("rare_label", train=texts("odd", 10)) is None


def test_a_label_more_than_ten_times_another_is_found() -> None:
    found = find("imbalance", train=texts("good", 91, start=100))
    assert found is not None
    assert (found.severity, found.count) == ("warning", 101)
    assert found.message == "'good' has 101 training examples, 'bad' has 10."


def test_a_label_ten_times_another_is_no_finding() -> None:
    assert find("imbalance", train=texts("good", 90, start=100)) is None


def test_more_labels_than_half_the_examples_are_found() -> None:
    # 2 labels of the clean corpus and 19 more, for 39 examples
    found = find("many_labels", train=[example(f"soup {number}", f"name {number}") for number in range(19)])
    assert found is not None
    assert (found.severity, found.count) == ("warning", 21)
    assert found.message == "There are 21 different labels for 39 training examples."


def test_labels_for_half_the_examples_are_no_finding() -> None:
    # 20 labels for 40 examples: 18 with one, and one more example of a known label
    extra = [example(f"soup {number}", f"name {number}") for number in range(18)]
    assert find("many_labels", train=[*extra, *texts("good", 2, start=100)]) is None


def test_one_text_with_two_labels_is_found() -> None:
    found = find("conflicting_labels", train=[example("good soup number 1", "bad", 7)])
    assert found is not None
    assert (found.severity, found.count, found.rows) == ("warning", 1, ["soups.csv:7: good soup number 1"])
    assert found.message == "1 text stands elsewhere with another label."


def test_one_text_with_two_labels_is_found_across_splits() -> None:
    assert find("conflicting_labels", validation=[example("good soup number 1", "bad")]) is not None


@pytest.mark.parametrize("label", ["good", None], ids=["same label", "no label"])
def test_a_repeat_without_another_label_is_no_conflict(label: str | None) -> None:
    assert find("conflicting_labels", train=[example("good soup number 1", label)]) is None


def test_a_text_in_two_splits_is_found() -> None:
    found = find("overlap", validation=[example("good soup number 1", "good", 7)])
    assert found is not None
    assert (found.severity, found.count, found.rows) == ("warning", 1, ["soups.csv:7: good soup number 1"])
    assert found.message == "1 text in validation stands in train too: the scores will flatter the model."


def test_a_text_in_two_splits_is_no_duplicate() -> None:
    assert find("duplicate", validation=[example("good soup number 1", "good")]) is None


def test_a_repeated_text_is_found() -> None:
    found = find("duplicate", train=[example("good soup number 1", row=7), example("good soup number 1", row=8)])
    assert found is not None
    assert (found.severity, found.count, found.rows) == ("note", 2, ["soups.csv:7: good soup number 1", "soups.csv:8: good soup number 1"])
    assert found.message == "2 texts in train repeat an earlier one."


def test_a_repeat_in_one_split_is_no_overlap() -> None:
    assert find("overlap", train=[example("good soup number 1")]) is None


@pytest.mark.parametrize(
    "text",
    ["GOOD Soup number 1", " good  soup\nnumber 1 ", "<p>good soup number 1</p>", "ｇｏｏｄ soup number 1"],
    ids=["case", "spaces", "markup", "Unicode form"],
)
def test_a_repeat_is_recognised_behind_its_spelling(text: str) -> None:
    assert find("near_duplicate", train=[example(text)]) is not None


def test_empty_texts_do_not_repeat_each_other() -> None:
    assert find("duplicate", train=[example(""), example("")]) is None


def test_texts_that_differ_in_a_word_have_different_normal_forms() -> None:
    assert normal_form("warm soup") != normal_form("warm soups")


def test_at_most_three_rows_are_shown() -> None:
    found = find("empty_text", train=[example("", row=row) for row in range(1, 6)])
    assert found is not None
    assert (found.count, found.rows) == (5, ["soups.csv:1: ", "soups.csv:2: ", "soups.csv:3: "])


def test_a_long_text_is_shown_in_part_and_on_one_line() -> None:
    found = find("missing_label", train=[example("soup\n" * 50, None)])
    assert found is not None
    assert found.rows == ["soups.csv:1: " + ("soup " * 16)[:79] + "…"]


def test_errors_come_before_warnings_before_notes() -> None:
    splits = {"train": [*texts("good", 3), example("good soup number 1"), example("", None)]}
    assert [finding.severity for finding in report(splits).findings] == ["error", "warning", "warning", "note"]


def test_only_errors_are_errors() -> None:
    splits = {"train": [*texts("good", 3), example("good soup number 1")]}
    assert [finding.id for finding in report(splits).errors] == ["one_class"]


def test_a_split_is_summed_up() -> None:
    # lengths 1, 2, 3, 4: two of four texts are no longer than 2, and only 4 covers 95 % of them
    train = [example("a", "good"), example("a b", "good"), example("a b c", "bad"), example("a b c d", None)]
    assert report({"train": train}, max_length=3).splits["train"] == {
        "examples": 4,
        "dropped": 0,
        "labels": {"good": 2, "bad": 1},
        "label_words": {"good": 1.5, "bad": 3.0},
        "majority": {"label": "good", "share": 0.6667},
        "entities": {},
        "tokens": 10,
        "vocabulary_size": 100,
        "unknown_share": 0.0,
        "length": {"median": 2, "p95": 4, "p99": 4, "max": 4},
        "length_in_words": {"median": 2, "p95": 4, "p99": 4, "max": 4},
        "truncated_share": 0.25,
        "scripts": {"Latin": 4},
        "language": "Latin script",
        "histogram": {"1": 1, "2": 1, "3": 1, "4": 1},
        "histogram_in_words": {"1": 1, "2": 1, "3": 1, "4": 1},
    }


def test_a_split_without_rows_is_summed_up() -> None:
    summary = report({**clean_corpus(), "test": []}).splits["test"]
    assert (summary["examples"], summary["tokens"], summary["length"]["max"], summary["truncated_share"]) == (0, 0, 0, 0.0)


def test_the_order_of_examples_does_not_change_the_counts() -> None:
    train = [*clean_corpus()["train"], example(""), example("good soup number 1", "bad"), example("bad soup number 1", "bad")]
    assert {finding.id: finding.count for finding in report({"train": train}).findings} == {
        finding.id: finding.count for finding in report({"train": train[::-1]}).findings
    }


def test_a_report_is_a_json_document_with_a_version() -> None:
    document = report({"train": texts("good", 1)}).to_json()
    assert json.loads(json.dumps(document)) == document
    assert document["format_version"] == 1


@pytest.mark.parametrize("row", [{"text": "half a smile \ud83d"}, {"text": "", "label": "\ud83d"}], ids=["text", "label"])
def test_a_report_about_broken_characters_can_be_written(tmp_path: Path, row: dict[str, str]) -> None:
    corpus = tmp_path / "soups.jsonl"
    corpus.write_text(json.dumps({"label": None, **row}) + "\n")
    splits = {"train": list(read_examples([corpus], CorpusSettings()))}
    write_json(tmp_path / "report.json", report(splits).to_json())
    assert read_json(tmp_path / "report.json", format_version=1)["findings"]


def test_half_the_texts_cut_is_a_warning() -> None:
    # the 20 texts of train have 4 tokens, the 12 of test 2
    splits = {**clean_corpus(), "test": [example(f"soup {number}", label) for label in ("good", "bad") for number in range(6)]}
    found = by_id(report({**splits, "validation": []}, max_length=3))["truncated"]
    assert (found.severity, found.count) == ("warning", 20)


def test_without_a_maximal_length_nothing_is_cut() -> None:
    splits = {"train": [*texts("good", 10), *texts("bad", 10), *(example(f"{number} " + "very " * 50) for number in range(5))]}
    assert "truncated" not in by_id(report(splits, max_length=None))


def test_the_lengths_that_keep_most_texts_whole_are_numbers() -> None:
    # 18 texts of 2 tokens, one of 20 and one of 50: 95 of 100 are 19 texts, 99 are all
    short = [example("mild tea", label) for label in ("good", "bad") for _ in range(9)]
    splits = {"train": [*short, example("tea " * 20), example("tea " * 50)]}
    assert report(splits).to_json()["kept_by_length"] == {"p95": 20, "p99": 50, "all": 50}


@pytest.mark.parametrize(
    ("cleaning", "action"),
    [(["markup"], "The cleaning step markup removes them."), (["nfc"], "They stay as they are; put markup into --cleaning to remove them.")],
    ids=["removed", "kept"],
)
def test_it_is_said_whether_markup_is_removed(cleaning: list[str], action: str) -> None:
    splits = {"train": [*clean_corpus()["train"], example("<b>bold</b> soup")]}
    found = by_id(report(splits, cleaning=cleaning))["markup"]
    assert (found.severity, found.message, found.action) == ("note", "1 text has what looks like HTML tags or entities.", action)


def test_an_oddity_of_very_few_texts_is_a_note() -> None:
    many = [example(f"soup {number}", label) for label in ("good", "bad") for number in range(600)]
    assert by_id(report({"train": [*many, example("caf\u00c3\u00a9")]}))["mojibake"].severity == "note"


def test_an_oddity_of_more_texts_is_a_warning() -> None:
    found = find("mojibake", train=[example("caf\u00c3\u00a9", row=7)])
    assert found is not None
    assert (found.severity, found.message, found.rows) == ("warning", "1 text looks wrongly decoded.", ["soups.csv:7: caf\u00c3\u00a9"])


@pytest.mark.parametrize(("count", "action"), [(1, "Harmless in small numbers"), (2, "Each counts as often as it stands there")])
def test_many_repeats_are_spoken_of_otherwise_than_few(count: int, action: str) -> None:
    # 1 of 21 is less than 1 in 20, 2 of 22 are more
    found = find("duplicate", train=[example("good soup number 1") for _ in range(count)])
    assert found is not None
    assert found.action.startswith(action)


def test_a_text_in_validation_and_test_cannot_be_dropped_by_an_option() -> None:
    splits = {**clean_corpus(), "validation": texts("good", 3, start=50), "test": texts("good", 1, start=50) + texts("bad", 3, start=70)}
    found = by_id(report(splits))["overlap"]
    assert (found.message, found.action) == ("1 text in test stands in validation too.", "Remove such texts from one of the two.")


def test_unknown_tokens_are_found_in_other_splits() -> None:
    found = by_id(unknown(6))["unknown_tokens"]
    assert (found.severity, found.count, found.message) == ("warning", 6, "6.0% of the tokens in test are not in the vocabulary of train.")


def test_few_unknown_tokens_are_no_finding() -> None:
    assert "unknown_tokens" not in by_id(unknown(5))


def unknown(count: int) -> DataReport:
    """Report on a test split in which so many of 100 tokens are unknown."""
    inspections = {"train": Inspection("language-model"), "test": Inspection("language-model")}
    tokens = {"train": TokenStatistics({10: 10}, 50, 100, 30), "test": TokenStatistics({10: 10}, count, 100, 30)}
    repeats = name_repeats(find_repeats(survey({"train": []}), survey({"train": []}).splits), {})
    return build_report(inspections, tokens=tokens, repeats=repeats, setup=Setup("language-model"))


@pytest.mark.parametrize(
    ("train", "summary"),
    [
        (texts("good", 10) + texts("bad", 10), "20 texts with 2 labels. It can be trained on, and nothing was found to complain about."),
        (texts("good", 2), "2 texts with 1 label. Training would be meaningless as it stands: The training split has only the label 'good'."),
        (
            texts("good", 10) + texts("bad", 9),
            "19 texts with 2 labels. It can be trained on. The first thing to look at: 1 label has fewer than 10 training examples: bad (9).",
        ),
        (
            texts("good", 10) + texts("bad", 11) + texts("bad", 1),
            "22 texts with 2 labels. It can be trained on. Worth knowing: 1 text in train repeats an earlier one.",
        ),
    ],
    ids=["clean", "error", "warning", "note"],
)
def test_a_report_is_summed_up_in_words(train: list[Example], summary: str) -> None:
    assert report({"train": train}).to_json()["summary"] == summary


def test_a_summary_names_the_splits() -> None:
    assert report(clean_corpus()).summary.startswith("26 texts (train 20, validation 6) with 2 labels.")


def test_whether_a_corpus_can_be_trained_on_is_a_field() -> None:
    assert [report({"train": train}).to_json()["is_trainable"] for train in (clean_corpus()["train"], texts("good", 2))] == [True, False]


def test_many_unseen_labels_are_counted() -> None:
    found = find("unseen_label", validation=[example(f"soup {number}", f"odd {number}") for number in range(7)])
    assert found is not None
    assert found.message.startswith("7 texts in validation are labelled 'odd 0', 'odd 1', 'odd 2', 'odd 3', 'odd 4' and 2 more, which")


@pytest.mark.parametrize(
    ("label", "shown"), [("\x1b[31mred", "\\x1b[31mred"), ("soup " * 20, "soup " * 7 + "soup…")], ids=["control character", "long"]
)
def test_a_label_is_shown_so_that_a_terminal_bears_it(label: str, shown: str) -> None:
    found = find("rare_label", train=[example("odd soup", label)])
    assert found is not None
    assert found.message == f"1 label has fewer than 10 training examples: {shown} (1)."


def test_many_names_are_cut_short() -> None:
    found = find("rare_label", train=[example(f"soup {number}", f"odd {number}") for number in range(7)])
    assert found is not None
    assert found.message.endswith("odd 3 (1), odd 4 (1) and 2 more.")
