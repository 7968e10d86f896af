import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ignore, make_numbered, make_session, train_tiny

from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import DataError
from slmcli.files import read_json
from slmcli.formats.keras import load_model
from slmcli.initial_vectors import InitialVectors, load_initial_vectors
from slmcli.training import finetune
from slmcli.vector_files import write_vectors

WIDTH = 6


def write(place: Path, words: list[str], *, size: float = 3.0) -> Path:
    matrix = np.random.default_rng(0).normal(0.0, size, (len(words), WIDTH)).astype(np.float32)
    write_vectors(place / "some.vec", words, matrix, "word2vec")
    return place / "some.vec"


def words_of(dataset: Path) -> list[str]:
    return open_dataset(dataset).load_tokenizer().vocabulary[6:]


def load(dataset: Path, path: Path) -> InitialVectors:
    return load_initial_vectors(open_dataset(dataset), path, ("token_ids",))


def table_of(model: Any) -> np.ndarray:
    return next(weight for weight in model.weights if weight.name == "embeddings").numpy()


@pytest.mark.parametrize("size", [0.01, 3.0])
def test_vectors_of_known_tokens_have_one_length(size: float, dataset: Path, tmp_path: Path) -> None:
    words = words_of(dataset)
    vectors = load(dataset, write(tmp_path, words[:20], size=size))
    assert vectors.is_known.tolist() == [False] * 6 + [True] * 20 + [False] * (len(words) - 20)
    np.testing.assert_allclose(np.linalg.norm(vectors.matrix[6:26], axis=1), 0.2 * WIDTH**0.5, rtol=1e-6)


def test_directions_of_vectors_stay(dataset: Path, tmp_path: Path) -> None:
    words = words_of(dataset)[:2]
    (tmp_path / "some.vec").write_text(f"{words[0]} 3 4\n{words[1]} 0 -1e30\n", encoding="utf-8")
    expected = 0.2 * 2**0.5 * np.array([[0.6, 0.8], [0.0, -1.0]])
    np.testing.assert_allclose(load(dataset, tmp_path / "some.vec").matrix[6:8], expected, rtol=1e-6)


def test_vectors_of_zeros_are_taken_as_they_are(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "some.vec").write_text(f"{words_of(dataset)[0]} 0 0\n", encoding="utf-8")
    vectors = load(dataset, tmp_path / "some.vec")
    assert vectors.is_known.sum() == 1
    assert not vectors.matrix.any()


def test_other_tokens_begin_by_chance_with_values_of_that_size(dataset: Path, tmp_path: Path) -> None:
    vectors = load(dataset, write(tmp_path, words_of(dataset)[:5]))
    first, same, other = (vectors.fill(seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(first[vectors.is_known], other[vectors.is_known])
    assert (first[~vectors.is_known] != other[~vectors.is_known]).all()
    assert first[~vectors.is_known].std() == pytest.approx(0.2, abs=0.03)


def test_special_tokens_are_never_taken_from_a_file(dataset: Path, tmp_path: Path) -> None:
    vectors = load(dataset, write(tmp_path, ["<unk>", "<pad>", "<sep>", words_of(dataset)[0]]))
    assert np.flatnonzero(vectors.is_known).tolist() == [6]


def test_case_is_folded_where_the_tokenizer_does(tmp_path: Path) -> None:
    lower = make_numbered(tmp_path, "topic", ["a", "b"] * 6, cleaning=["lowercase"])
    assert load(lower.path, write(tmp_path, ["WORD1"])).is_known.sum() == 1
    (tmp_path / "cased").mkdir()
    cased = make_numbered(tmp_path / "cased", "topic", ["a", "b"] * 6, cleaning=["nfkc"])
    with pytest.raises(DataError, match="none of its 1 words is a token"):
        load(cased.path, tmp_path / "some.vec")


def test_coverage_counts_tokens_of_the_vocabulary_and_of_the_training_texts(tmp_path: Path) -> None:
    dataset = make_numbered(tmp_path, "topic", ["a", "b"] * 6)  # 9 texts to train on: a number of its own, and one of two letters
    path = write(tmp_path, ["a", "b", "elsewhere"])
    vocabulary = len(dataset.load_tokenizer().vocabulary) - 6
    assert load(dataset.path, path).coverage == {
        "file": str(path),
        "words": 3,
        "tokens_covered": round(2 / vocabulary, 4),
        "text_covered": 0.5,
    }


def report(dataset: Dataset, words: list[str], place: Path, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    with caplog.at_level(logging.INFO, logger="slmcli"):
        load_initial_vectors(dataset, write(place, words), ("token_ids",))
    return [(record.levelname, record.getMessage().removeprefix(f"{place}/")) for record in caplog.records]


def test_good_coverage_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = make_numbered(tmp_path, "topic", ["a", "b"] * 6)
    share = 200 / (len(dataset.load_tokenizer().vocabulary) - 6)
    expected = f"some.vec: vectors for {share:.1f} % of the vocabulary and 50.0 % of the training tokens"
    assert report(dataset, ["a", "b"], tmp_path, caplog)[-1] == ("INFO", expected)


@pytest.mark.parametrize(
    ("tokenizer", "cause"),
    [
        ("word", "Likely the file's words are in another case, were split otherwise, or are of another language."),
        ("wordpiece", "Tokenizer wordpiece splits words into pieces, which files of words lack: preprocess again with --tokenizer word."),
    ],
)
def test_little_coverage_is_warned_of_with_its_likely_cause(tokenizer: str, cause: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = make_numbered(tmp_path, "topic", ["a", "b", "c"] * 4, tokenizer=tokenizer)
    level, message = report(dataset, ["a"], tmp_path, caplog)[-1]
    assert level == "WARNING"
    assert message.startswith("some.vec covers only ")
    assert message.endswith(f" % of the training tokens; the others begin by chance. {cause}")


def test_a_file_is_read_once_for_all_members(dataset: Path, tmp_path: Path) -> None:
    opened, path = open_dataset(dataset), write(tmp_path, words_of(dataset))
    assert load_initial_vectors(opened, path, ("token_ids",)) is load_initial_vectors(opened, path, ("token_ids",))


def test_a_training_begins_with_the_vectors_of_the_file(dataset: Path, tmp_path: Path) -> None:
    path = write(tmp_path, words_of(dataset)[:9])
    session = make_session(dataset, tmp_path / "run", embedding=WIDTH, vectors=str(path))
    np.testing.assert_array_equal(table_of(session.model), load(dataset, path).fill(seed=0))


def test_frozen_vectors_of_a_file_are_those_of_the_bundle(dataset: Path, tmp_path: Path) -> None:
    path = write(tmp_path, words_of(dataset)[:9])
    run = train_tiny(dataset, tmp_path / "run", embedding=WIDTH, vectors=str(path), freeze_embedding=True)
    np.testing.assert_array_equal(table_of(load_model(run / "bundle")), load(dataset, path).fill(seed=0))


def test_the_summary_says_what_is_covered_and_the_bundle_names_no_folder(dataset: Path, tmp_path: Path) -> None:
    path = write(tmp_path, words_of(dataset))
    run = train_tiny(dataset, tmp_path / "run", embedding=WIDTH, vectors=str(path))
    expected = {"file": str(path), "words": len(words_of(dataset)), "tokens_covered": 1.0, "text_covered": 1.0}
    assert read_json(run / "metrics.json")["vectors"] == expected
    assert read_json(run / "bundle" / "settings.json")["finetune"]["vectors"] == "some.vec"


def test_a_damaged_file_is_refused_before_anything_is_replaced(dataset: Path, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.vec"
    path.write_text(f"soup 1 2\n{words_of(dataset)[0]} 1 x\n", encoding="utf-8")
    with pytest.raises(DataError, match="some.vec:2: 'x' is not a number"):
        finetune(open_dataset(dataset), {"vectors": str(path), "backbone": "conv"}, run, source="test", resume=False, overwrite=True, report=ignore)
    assert (run / "bundle").is_dir()
