import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import rows, write_jsonl

from slmcli.config import CheckSettings, CorpusSettings, PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import DataError, OutputError
from slmcli.ngrams import encode_example
from slmcli.preprocessing import check, preprocess
from slmcli.reading import read_examples
from slmcli.tasks import TASKS
from slmcli.tokenizers import TOKENIZERS

SMALL: dict[str, Any] = {"min_frequency": 1, "max_length": 16}


def settings(corpus: Path, **changes: Any) -> PreprocessSettings:
    return PreprocessSettings(**{**SMALL, "files": [str(corpus)], **changes})


def read_splits(values: PreprocessSettings, out: Path) -> dict[str, set[tuple[str, str]]]:
    """Return texts and labels of each split of a new dataset."""
    preprocess(values, out, overwrite=True)
    made = open_dataset(out)
    return {split: {(example.text, example.label) for example in made.read(split)} for split in made.splits}


def test_the_split_takes_its_share_of_every_label(corpus: Path, tmp_path: Path) -> None:
    splits = read_splits(settings(corpus, validation_share=0.25, test_share=0.25), tmp_path / "dataset")
    counts = {split: Counter(label for _, label in examples) for split, examples in splits.items()}
    assert counts == {"train": {"good": 24, "bad": 24}, "validation": {"good": 12, "bad": 12}, "test": {"good": 12, "bad": 12}}


def test_the_same_seed_splits_the_same_way(corpus: Path, tmp_path: Path) -> None:
    assert read_splits(settings(corpus), tmp_path / "a") == read_splits(settings(corpus), tmp_path / "b")


def test_another_seed_splits_another_way(corpus: Path, tmp_path: Path) -> None:
    assert read_splits(settings(corpus), tmp_path / "a") != read_splits(settings(corpus, seed=1), tmp_path / "b")


def test_texts_that_repeat_stay_on_one_side(tmp_path: Path) -> None:
    twice = write_jsonl(tmp_path / "twice.jsonl", [*rows(), *[(text.upper(), label) for text, label in rows()]])
    splits = read_splits(settings(twice, validation_share=0.3, test_share=0.3), tmp_path / "dataset")
    sides = [{text.lower() for text, _ in examples} for examples in splits.values()]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_own_files_are_used_as_they_are(corpus: Path, tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "held.jsonl", [("something lovely", "good")])
    splits = read_splits(settings(corpus, validation=str(held), test=str(held)), tmp_path / "dataset")
    assert {split: len(examples) for split, examples in splits.items()} == {"train": 96, "validation": 1, "test": 1}


def test_the_vocabulary_comes_from_training_texts_alone(corpus: Path, tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "held.jsonl", [("a zebra", "good")])
    preprocess(settings(corpus, validation=str(held), test_share=0.0), tmp_path / "dataset", overwrite=False)
    assert "zebra" not in open_dataset(tmp_path / "dataset").load_tokenizer().vocabulary


def test_empty_texts_are_counted_dropped_and_reported(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "corpus.jsonl", [*rows(), ("", "good"), ("  <br /> ", "bad")])
    result = preprocess(settings(corpus, validation_share=0.0, test_share=0.0), tmp_path / "dataset", overwrite=False)
    assert result["examples"]["train"] == 96
    report = json.loads((tmp_path / "dataset" / "report.json").read_text(encoding="utf-8"))
    assert {finding["id"]: finding["count"] for finding in report["findings"]}["empty_text"] == 2


def test_overlap_is_dropped_from_the_evaluation_side_on_request(corpus: Path, tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "held.jsonl", [(rows()[0][0].upper(), "good"), ("a new thing", "bad")])
    result = preprocess(settings(corpus, test=str(held), drop_overlap=True, validation_share=0.0), tmp_path / "dataset", overwrite=False)
    assert result["examples"] == {"train": 96, "validation": 0, "test": 1}


def test_overlap_is_kept_and_reported_otherwise(corpus: Path, tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "held.jsonl", [(rows()[0][0].upper(), "good"), ("a new thing", "bad")])
    result = preprocess(settings(corpus, test=str(held), validation_share=0.0), tmp_path / "dataset", overwrite=False)
    assert result["examples"]["test"] == 2
    assert "overlap" in {finding["id"] for finding in result["report"]["findings"]}


def test_one_class_is_refused(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "one.jsonl", [("a", "good"), ("b", "good")])
    with pytest.raises(DataError, match="The training split has only the label 'good'. Classification needs at least two labels"):
        preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)


def test_a_label_seen_only_in_test_is_refused_with_its_row(corpus: Path, tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "held.jsonl", [("fine", "good"), ("meh", "so-so")])
    with pytest.raises(
        DataError,
        match=r"1 text in test is labelled 'so-so', which no training example has.*--unknown-labels skip to slm preprocess.\n  .*held.jsonl:2: meh",
    ):
        preprocess(settings(corpus, test=str(held)), tmp_path / "dataset", overwrite=False)


def test_a_label_seen_only_in_test_is_skipped_on_request(corpus: Path, tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "held.jsonl", [("fine", "good"), ("meh", "so-so")])
    result = preprocess(settings(corpus, test=str(held), unknown_labels="skip"), tmp_path / "dataset", overwrite=False)
    assert result["examples"]["test"] == 1


# two of three test examples have a label that no training example has
UNSEEN: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "ner": (
        [{"tokens": ["Anna", "sings", str(i)], "tags": ["B-PER", "O", "O"]} for i in range(4)],
        [{"tokens": ["New", "York"], "tags": ["B-LOC", "I-LOC"]}, {"tokens": ["Anna", "in", "Bern"], "tags": ["B-PER", "O", "B-LOC"]}],
    ),
    "multilabel": (
        [{"text": f"warm soup {i}", "labels": ["good", "warm"]} for i in range(4)],
        [{"text": "red soup", "labels": ["good", "red"]}, {"text": "old soup", "labels": ["old", "red"]}],
    ),
}


def write_unseen(task: str, directory: Path) -> PreprocessSettings:
    """Write a corpus for a task, and a file to test on whose last example alone is known; return the settings."""
    train, test = UNSEEN[task]
    for name, examples in (("train", train), ("test", [*test, train[0]])):
        (directory / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in examples), encoding="utf-8")
    return settings(directory / "train.jsonl", task=task, test=str(directory / "test.jsonl"), validation_share=0.0)


@pytest.mark.parametrize("task", UNSEEN)
def test_examples_with_any_unseen_label_are_skipped_on_request(task: str, tmp_path: Path) -> None:
    asked = write_unseen(task, tmp_path).model_copy(update={"unknown_labels": "skip"})
    assert preprocess(asked, tmp_path / "dataset", overwrite=False)["examples"] == {"train": 4, "validation": 0, "test": 1}


@pytest.mark.parametrize(("task", "labels"), [("ner", "'B-LOC', 'I-LOC'"), ("multilabel", "'old', 'red'")])
def test_examples_with_any_unseen_label_are_counted_once(task: str, labels: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=rf"2 texts in test are labelled {labels}, which no training example has.*\n  .*test.jsonl:1: .*\n  .*:2: [^\n]*$"
    ):
        preprocess(write_unseen(task, tmp_path), tmp_path / "dataset", overwrite=False)


@pytest.mark.parametrize(("answers", "found"), [(["Anna", "Ana"], ["alternative_not_found"]), (["Ana"], ["no_targets", "answer_not_found"])])
def test_a_wrong_alternative_in_every_example_is_no_error(answers: list[str], found: list[str], tmp_path: Path) -> None:
    row = {"context": "Anna sings", "question": "who?", "answers": {"text": answers, "answer_start": [0] * len(answers)}}
    (tmp_path / "qa.jsonl").write_text(json.dumps(row), encoding="utf-8")
    report = check(CheckSettings(files=[str(tmp_path / "qa.jsonl")], task="qa", min_frequency=1))
    assert [finding.id for finding in report.findings] == found


def test_nothing_left_after_cleaning_is_refused(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "blank.jsonl", [(" ", "good"), ("<br/>", "bad")])
    with pytest.raises(DataError, match="The train split has no examples after cleaning"):
        preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)


@pytest.mark.parametrize(("task", "row"), [("translation", {"source": " ", "target": " "}), ("ner", {"tokens": [" "], "tags": ["O"]})])
def test_nothing_left_is_refused_whatever_a_task_puts_around_it(task: str, row: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "blank.jsonl").write_text(json.dumps(row), encoding="utf-8")
    found = check(CheckSettings(files=[str(tmp_path / "blank.jsonl")], task=task)).errors
    assert "The train split has no examples after cleaning." in [finding.message for finding in found]


def test_a_failed_preprocess_leaves_nothing(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "rare.jsonl", [("one two", "good"), ("three four", "bad")])
    with pytest.raises(DataError, match="no token occurs 2 times in the training texts"):
        preprocess(settings(corpus, min_frequency=2, validation_share=0.0, test_share=0.0), tmp_path / "dataset", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["rare.jsonl"]


def test_the_same_corpus_and_settings_are_up_to_date(corpus: Path, tmp_path: Path) -> None:
    preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)
    assert preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)["up_to_date"]


def test_a_changed_corpus_is_noticed(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "corpus.jsonl", rows())
    preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)
    write_jsonl(corpus, [*rows(), ("one more", "good")])
    with pytest.raises(OutputError, match=r"holds a dataset of other files or settings \(\w{16}, now \w{16}\)"):
        preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)


def test_overwriting_makes_it_anew(corpus: Path, tmp_path: Path) -> None:
    preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)
    result = preprocess(settings(corpus, max_length=4), tmp_path / "dataset", overwrite=True)
    assert open_dataset(tmp_path / "dataset").fingerprint == result["fingerprint"]


def test_a_directory_that_cannot_be_made_is_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match=r"file/dataset: a file stands where a directory is needed. Choose another --out"):
        preprocess(settings(corpus), tmp_path / "file" / "dataset", overwrite=False)


def test_the_word_splitters_of_nltk_work(corpus: Path, tmp_path: Path) -> None:
    result = preprocess(settings(corpus, splitter="tweet"), tmp_path / "dataset", overwrite=False)
    assert result["vocabulary_size"] > 10


ROW: dict[str, Any] = {
    "text": "warm soup at the inn",
    "label": "good",
    "labels": ["good", "warm"],
    "text_pair": "cold soup",
    "score": 0.5,
    "tokens": ["warm", "soup"],
    "tags": ["O", "B-FOOD"],
    "context": "warm soup at the inn",
    "question": "where?",
    "answers": {"text": ["the inn"], "answer_start": [13]},
    "source": "warm soup",
    "target": "warme Suppe 汤",
    "response": "thank you",
}


def write_rows(path: Path, count: int) -> Path:
    """Write rows with the fields of every task, all different."""
    rows = [
        {**ROW, "text": f"{ROW['text']} {i}", "source": f"soup {i}", "label": ["good", "bad"][i % 2], "context": f"{ROW['context']} {i}",
         "tokens": [str(i), "soup"], "score": i % 3 / 2, "labels": [["good", "warm"], ["bad"]][i % 2]}
        for i in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(params=TOKENIZERS.names())
def choice(request: pytest.FixtureRequest, foreign_tokenizer: Path) -> dict[str, Any]:
    """Settings that ask for a tokenizer: one of every kind, trained or loaded."""
    loaded = {"tokenizer_from": str(foreign_tokenizer), "min_frequency": 2}
    return {"tokenizer": request.param, **({"vocabulary_size": 400} if TOKENIZERS.load(request.param).is_trainable else loaded)}


@pytest.mark.parametrize("task", TASKS.names())
def test_a_dataset_holds_what_a_task_encodes_at_inference(task: str, choice: dict[str, Any], tmp_path: Path) -> None:
    corpus = write_rows(tmp_path / "corpus.jsonl", 60)
    preprocess(settings(corpus, task=task, **choice), tmp_path / "dataset", overwrite=False)
    made = open_dataset(tmp_path / "dataset")
    kind, loaded = TASKS.load(task)(made.labels), made.load_tokenizer()
    for split in made.splits:
        stored = {json.dumps({name: value.tolist() for name, value in example.features.items()}) for example in made.read(split)}
        examples, ngrams = read_examples([corpus], CorpusSettings(), fields=kind.fields), made.load_ngrams()
        fresh = [encode_example(example, kind, loaded, made.encoding, ngrams) for example in examples]
        assert stored <= {json.dumps({name: features[name].tolist() for name in sorted(features)}) for features in fresh}
    assert sum(made.examples(split) for split in made.splits) == 60


def test_several_processes_make_the_same_dataset(choice: dict[str, Any], tmp_path: Path) -> None:
    corpus = write_rows(tmp_path / "corpus.jsonl", 1200)
    for workers in (1, 2):
        preprocess(settings(corpus, task="sentiment", workers=workers, **choice), tmp_path / str(workers), overwrite=False)
    shards = [open_dataset(tmp_path / str(workers)).description["shards"] for workers in (1, 2)]
    assert shards[0] == shards[1]


def test_the_same_corpus_in_another_order_has_the_same_splits_and_vocabulary(tmp_path: Path) -> None:
    corpus = write_rows(tmp_path / "corpus.jsonl", 100)
    lines = corpus.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "backwards.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    made = [read_splits(settings(tmp_path / f"{name}.jsonl"), tmp_path / name) for name in ("corpus", "backwards")]
    assert made[0] == made[1]
    vocabularies = [open_dataset(tmp_path / name).load_tokenizer().vocabulary for name in ("corpus", "backwards")]
    assert vocabularies[0] == vocabularies[1]


def test_nothing_of_the_first_pass_stays_in_the_dataset(corpus: Path, tmp_path: Path) -> None:
    preprocess(settings(corpus), tmp_path / "dataset", overwrite=False)
    names = {path.name for path in (tmp_path / "dataset").iterdir()}
    assert names == {
        "dataset.json", "labels.json", "ngrams.json", "report.json", "report.html", "tokenizer.json",
        "train-00000-of-00001.tfrecord", "validation-00000-of-00001.tfrecord", "test-00000-of-00001.tfrecord",
    }  # fmt: skip


def test_a_dataset_holds_its_report_as_a_page(dataset: Path) -> None:
    summary = json.loads((dataset / "report.json").read_text(encoding="utf-8"))["summary"]
    assert summary in (dataset / "report.html").read_text(encoding="utf-8")


def test_a_page_that_nothing_was_cut_from_says_so_for_running_text(corpus: Path) -> None:
    report = check(CheckSettings(files=[str(corpus)], task="language-model", max_length=1))
    assert (report.setup.max_length, report.splits["train"]["truncated_share"]) == (None, 0.0)


def test_unusable_examples_are_counted(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "corpus.jsonl", [*rows(), ("", "good"), ("  <br /> ", "bad")])
    assert check(CheckSettings(files=[str(corpus)])).splits["train"]["dropped"] == 2


def test_the_files_of_each_split_are_named(corpus: Path) -> None:
    report = check(CheckSettings(files=[str(corpus)], test=str(corpus)))
    assert report.to_json()["files"] == {"train": ["reviews.jsonl"], "test": ["reviews.jsonl"]}


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """384 texts, each of which ends with a number that stands in no other."""
    return write_jsonl(tmp_path / "corpus.jsonl", [(f"{text} {number}", label) for number, (text, label) in enumerate(rows() * 4)])


def test_unknown_tokens_of_new_texts_are_estimated_by_the_training_texts(numbered: Path) -> None:
    # 64 times the 20 words of THINGS, 384 adjectives and 384 numbers: 2,048 tokens, of which only the numbers stand less than three times
    assert check(CheckSettings(files=[str(numbered)], tokenizer="word")).setup.new_unknown_share == 0.1875


@pytest.mark.parametrize("tokenizer", ["character", "byte", "bpe", "wordpiece", "unigram"])
def test_nothing_is_said_of_new_texts_where_a_word_has_several_pieces(tokenizer: str, numbered: Path) -> None:
    assert check(CheckSettings(files=[str(numbered)], tokenizer=tokenizer)).setup.new_unknown_share is None


def test_nothing_is_said_of_new_texts_for_a_tokenizer_from_elsewhere(numbered: Path, dataset: Path) -> None:
    assert check(CheckSettings(files=[str(numbered)], tokenizer_from=str(dataset))).setup.new_unknown_share is None


def test_a_handful_of_tokens_says_nothing_of_new_texts(corpus: Path) -> None:
    assert check(CheckSettings(files=[str(corpus)])).setup.new_unknown_share is None


def test_a_tokenizer_from_elsewhere_gives_its_ids(corpus: Path, dataset: Path, tmp_path: Path) -> None:
    preprocess(settings(corpus, tokenizer_from=str(dataset)), tmp_path / "dataset", overwrite=False)
    assert open_dataset(tmp_path / "dataset").load_tokenizer().fingerprint == open_dataset(dataset).load_tokenizer().fingerprint


def test_patterns_name_several_files(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "part-1.jsonl", rows()[:48])
    write_jsonl(tmp_path / "part-2.jsonl", rows()[48:])
    result = preprocess(settings(tmp_path / "part-*.jsonl"), tmp_path / "dataset", overwrite=False)
    assert sum(result["examples"].values()) == 96


def test_a_file_whose_name_is_no_utf_8_is_read(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "odd\udcff.jsonl"
    path.write_bytes(corpus.read_bytes())
    preprocess(settings(path), tmp_path / "dataset", overwrite=False)
    assert open_dataset(tmp_path / "dataset").description["sources"][0]["name"] == "odd\udcff.jsonl"


def test_tags_that_begin_no_entity_cannot_be_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "harbour.jsonl"
    path.write_text('{"tokens": ["Ada", "sails"], "tags": ["PER-B", "O"]}\n' * 20, encoding="utf-8")
    found = check(CheckSettings(files=[str(path)], task="ner", **SMALL))
    expected = "No tag begins an entity: 'O', 'PER-B'. Tags must be B-TYPE, I-TYPE or O (BIO)."
    assert [f"{finding.message} {finding.action}"[: len(expected)] for finding in found.errors] == [expected]
