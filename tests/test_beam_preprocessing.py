import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import rows, write_jsonl

from slmcli import beam_preprocessing, corpus_identity, describing, preprocessing
from slmcli.config import PreprocessSettings, build
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError, DataError

ONE_PROCESS = "--runner=DirectRunner"
TWO_PROCESSES = "--runner=DirectRunner --direct_num_workers=2 --direct_running_mode=multi_processing"
ROW: dict[str, Any] = {
    "tags": ["O", "B-FOOD"],
    "question": "where?",
    "answers": {"text": ["the inn"], "answer_start": [13]},
    "target": "warme Suppe 汤",
}


@pytest.fixture(autouse=True)
def no_file_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Describe all files as just written: between the two ways of making a dataset one would else become an older one."""
    monkeypatch.setattr(corpus_identity, "_UNSURE_NANOSECONDS", 10**30)


def write_rows(directory: Path, count: int) -> list[str]:
    """Write two files, one of them gzipped, with fields of several tasks and some rows twice; return their pattern."""
    lines = [
        json.dumps({**ROW, "text": f"soup {i % 50} was <b>good</b>", "label": "nay"[i % 3], "context": f"warm soup at the inn {i}",
                    "source": f"soup {i}", "tokens": [str(i), "soup"]})
        for i in range(count)
    ]  # fmt: skip
    (directory / "part-1.jsonl").write_text("\n".join(lines[: count // 2]), encoding="utf-8")
    with gzip.open(directory / "part-2.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines[count // 2 :]))
    return [str(directory / "part-*")]


def settings(**changes: Any) -> PreprocessSettings:
    values: dict[str, Any] = {"min_frequency": 1, "max_length": 16, "runner": "beam", "beam_options": ONE_PROCESS, **changes}
    return PreprocessSettings(**values)


def read_directory(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def make_both(values: PreprocessSettings, directory: Path) -> list[dict[str, bytes]]:
    """Return the files of the dataset that each of the two ways makes."""
    preprocessing.preprocess(values, directory / "local", overwrite=False)
    beam_preprocessing.preprocess(values, directory / "beam", overwrite=False)
    return [read_directory(directory / name) for name in ("local", "beam")]


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "sentiment", "ngrams": 3, "drop_overlap": True},
        {"task": "ner"},
        {"task": "qa"},
        {"task": "translation", "tokenizer": "bpe", "vocabulary_size": 300, "validation_share": 0.3},
        {"task": "language-model", "tokenizer": "character"},
    ],
    ids=lambda changes: changes["task"],
)
def test_beam_makes_the_same_dataset_byte_for_byte(changes: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    local, beam = make_both(settings(files=write_rows(tmp_path / "corpus", 1200), **changes), tmp_path)
    assert beam == local


@pytest.mark.parametrize("changes", [{}, {"tokenizer": "bpe", "vocabulary_size": 300}], ids=["word", "bpe"])
def test_texts_without_labels_are_the_same(changes: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    texts = write_jsonl(tmp_path / "texts.jsonl", [(f"a quince and {fruit}", "") for fruit in ("plum", "fig", "pear")] * 3)
    local, beam = make_both(settings(files=write_rows(tmp_path / "corpus", 60), task="topic", unlabelled=[str(texts)], **changes), tmp_path)
    assert local == beam
    assert "unlabelled/train-00000-of-00001.tfrecord" in local
    assert b"quince" in local["tokenizer.json"]


def test_the_same_examples_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    files = write_rows(tmp_path / "corpus", 600)
    held = tmp_path / "held.jsonl"
    tags = (["O", "B-FOOD"], ["O", "B-LOC"], ["B-LOC", "O"])
    held.write_text("".join(json.dumps({"tokens": ["a", "soup"], "tags": each}) + "\n" for each in tags), encoding="utf-8")
    local, beam = make_both(settings(files=files, task="ner", test=str(held), unknown_labels="skip"), tmp_path)
    assert beam == local
    assert open_dataset(tmp_path / "beam").description["examples"]["test"] == 1


def test_two_processes_make_the_same_dataset_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    local, beam = make_both(settings(files=write_rows(tmp_path / "corpus", 1200), beam_options=TWO_PROCESSES), tmp_path)
    assert beam == local


def test_files_for_each_split_and_chinese_text_make_the_same_dataset(tmp_path: Path) -> None:
    local, beam = make_both(settings(sample="zh"), tmp_path)
    assert beam == local


def test_several_shards_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describing, "EXAMPLES_PER_SHARD", 3)
    corpus = write_jsonl(tmp_path / "corpus.jsonl", rows())
    local, beam = make_both(settings(files=[str(corpus)]), tmp_path)
    assert beam == local
    assert "train-00025-of-00026.tfrecord" in beam


def test_a_known_tokenizer_is_used(corpus: Path, dataset: Path, tmp_path: Path) -> None:
    local, beam = make_both(settings(files=[str(corpus)], tokenizer_from=str(dataset)), tmp_path)
    assert beam["tokenizer.json"] == local["tokenizer.json"]
    assert open_dataset(tmp_path / "beam").description["shards"] == open_dataset(tmp_path / "local").description["shards"]


def test_a_known_tokenizer_makes_the_same_report(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    local, beam = make_both(settings(files=write_rows(tmp_path / "corpus", 600), tokenizer_from=str(dataset)), tmp_path)
    assert beam == local


def test_a_dataset_made_the_other_way_is_up_to_date(corpus: Path, tmp_path: Path) -> None:
    values = settings(files=[str(corpus)])
    preprocessing.preprocess(values, tmp_path / "dataset", overwrite=False)
    assert beam_preprocessing.preprocess(values, tmp_path / "dataset", overwrite=False)["up_to_date"]


def test_a_damaged_row_is_one_error_that_leaves_nothing(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "corpus.jsonl", rows() * 10)
    corpus.write_text(corpus.read_text(encoding="utf-8") + "no row\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"corpus.jsonl:961: not valid JSON .*Each line must be one complete object.$"):
        beam_preprocessing.preprocess(settings(files=[str(corpus)]), tmp_path / "dataset", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.jsonl"]


def test_a_corpus_that_cannot_be_trained_on_is_refused(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "one.jsonl", [("a", "good"), ("b", "good")])
    with pytest.raises(DataError, match="The training split has only the label 'good'. Classification needs at least two labels"):
        beam_preprocessing.preprocess(settings(files=[str(corpus)]), tmp_path / "dataset", overwrite=False)


def test_standard_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--runner beam cannot read standard input \(-\)"):
        beam_preprocessing.preprocess(settings(files=["-"]), tmp_path / "dataset", overwrite=False)


def test_options_without_beam_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"beam_options \('--runner=FlinkRunner'\) go with runner beam, and runner is local. Pass --runner beam"):
        build(PreprocessSettings, {"beam_options": "--runner=FlinkRunner"}, source="options")


def test_workers_beside_options_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"workers \(3\) and beam_options exclude each other. .*--direct_num_workers=3"):
        build(PreprocessSettings, {"runner": "beam", "beam_options": "", "workers": 3}, source="options")


def test_the_command_line_says_nothing_of_beam(slm: Callable[..., Result], corpus: Path, tmp_path: Path) -> None:
    shutil.copy(corpus, tmp_path / "corpus.jsonl")
    result = slm("preprocess", "corpus.jsonl", "--min-frequency", "1", "--runner", "beam", "--beam-options", ONE_PROCESS, "--json", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["examples"] == {"train": 76, "validation": 10, "test": 10}
