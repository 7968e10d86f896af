from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import make_numbered, train_tiny

from slmcli.config import CleaningSettings, ExportSettings, TokenizerSettings
from slmcli.errors import BundleError, ConfigError, OutputError
from slmcli.exporting import export
from slmcli.formats.keras import load_model
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import SPECIAL_TOKENS
from slmcli.vector_files import read_vectors
from slmcli.vectors import TokenVectors, open_vectors

# worked by hand: king - man + woman = queen; two special tokens lie where they would be nearest
ROWS = {"king": [1.0, 1.0], "man": [1.0, 0.0], "woman": [-1.0, 0.2], "queen": [-1.0, 1.1], "soup": [0.0, -3.0], "nothing": [0.0, 0.0]}


def make(name: str = "word", entries: list[str] | None = None) -> TokenVectors:
    tokenizer = TOKENIZERS.load(name)(TokenizerSettings(tokenizer=name), CleaningSettings(), [*SPECIAL_TOKENS, *(entries or ROWS)])
    special = [[1.0, 1.0], [-1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]]
    return TokenVectors(Path("run"), "conv", tokenizer, np.array([*special, *ROWS.values()], np.float32))


def test_nearest_are_those_of_the_greatest_cosine() -> None:
    found = make().nearest(["king", "soup"], count=2)
    assert (found["model"], found["branch"]) == ("run", "conv")
    assert found["words"][0] == {
        "word": "king",
        "token": "king",
        "nearest": [{"token": "man", "cosine": 0.7071}, {"token": "queen", "cosine": 0.0476}],
    }
    assert [each["token"] for each in found["words"][1]["nearest"]] == ["man", "nothing"]


def test_no_more_are_shown_than_there_are() -> None:
    assert [each["token"] for each in make().nearest(["king"], count=99)["words"][0]["nearest"]] == ["man", "queen", "nothing", "woman", "soup"]


def test_an_analogy_leaves_out_its_own_words() -> None:
    answers = make().analogy("man", "king", "woman", count=2)["answers"]
    assert [each["token"] for each in answers] == ["queen", "nothing"]
    # (0.7071, 0.7071) - (1, 0) + (-0.9806, 0.1961) has length 1.5624; with queen / 1.4866 it makes
    assert answers[0]["cosine"] == pytest.approx((1.2735 * 1.0 + 0.9032 * 1.1) / 1.5613 / 1.4866, abs=1e-3)


def test_words_are_cleaned_as_texts_are() -> None:
    found = make().nearest(["King"], count=1)["words"][0]
    assert (found["word"], found["token"]) == ("King", "king")


def test_words_that_are_missing_are_all_named_with_the_nearest() -> None:
    where = "is not in the vocabulary of run, which has 6 tokens."
    message = rf"'kin' {where} Did you mean 'king'\?\n'xyz' {where}$"
    with pytest.raises(ConfigError, match=message):
        make().nearest(["kin", "soup", "xyz"], count=1)


def test_special_tokens_are_no_words() -> None:
    with pytest.raises(ConfigError, match="'<unk>' is not in the vocabulary"):
        make().nearest(["<unk>"], count=1)


def test_a_word_with_one_piece_is_that_piece(tmp_path: Path) -> None:
    tokenizer = make_numbered(tmp_path, "topic", ["a", "b"] * 6, tokenizer="bpe").load_tokenizer()
    vectors = replace(make(), tokenizer=tokenizer, matrix=np.ones((len(tokenizer.vocabulary), 2), np.float32))
    token_id = tokenizer.encode("a")[0]
    assert vectors.nearest(["a"], count=1)["words"][0]["token"] == tokenizer.vocabulary[token_id]


def test_a_file_has_all_tokens_but_special_ones_and_white_space(tmp_path: Path) -> None:
    vectors = make("character", ["a", " ", "b", "\n", "c", "\u3000"])
    result = vectors.export(tmp_path / "out.vec", form="glove", overwrite=False)
    assert (result["words"], result["left_out"], result["width"]) == (3, 3, 2)
    assert (tmp_path / "out.vec").read_text(encoding="utf-8") == "a 1.0 1.0\nb -1.0 0.2\nc 0.0 -3.0\n"


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "out.vec").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="out.vec exists already. Choose another FILE, or pass --overwrite to replace it."):
        make().export(tmp_path / "out.vec", form="glove", overwrite=False)
    assert make().export(tmp_path / "out.vec", form="glove", overwrite=True)["words"] == 6


def test_the_vectors_are_those_of_the_model(run: Path) -> None:
    vectors = open_vectors(run)
    expected = next(weight for weight in load_model(run / "bundle").weights if weight.name == "embeddings").numpy()
    np.testing.assert_array_equal(vectors.matrix, expected)
    assert (vectors.branch, len(vectors.tokenizer.vocabulary)) == ("conv", len(expected))


@pytest.fixture(scope="module")
def several(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a bag, two trainings of conv, and two of lstm."""
    return train_tiny(dataset, tmp_path_factory.mktemp("several") / "run", backbone="bag+conv+lstm", ensemble=2, epochs=1)


@pytest.mark.parametrize(
    ("branch", "expected", "place"),
    [(None, "conv-1", 0), ("conv", "conv-1", 0), ("conv-2", "conv-2", 1), ("lstm", "lstm-1", 2), ("lstm-2", "lstm-2", 3)],
)
def test_a_branch_is_chosen_by_its_name(branch: str | None, expected: str, place: int, several: Path) -> None:
    vectors = open_vectors(several, branch=branch)
    tables = [weight.numpy() for weight in load_model(several / "bundle").weights if weight.name == "embeddings"]
    assert vectors.branch == expected
    np.testing.assert_array_equal(vectors.matrix, tables[place])


def test_an_unknown_branch_is_refused_with_the_known_ones(several: Path) -> None:
    with pytest.raises(ConfigError, match=r"--branch gru: .* has conv-1, conv-2, lstm-1, lstm-2. Name one of them, or leave it out."):
        open_vectors(several, branch="gru")


def test_a_bag_has_no_vectors(dataset: Path, tmp_path: Path) -> None:
    run = train_tiny(dataset, tmp_path / "run", backbone="bag")
    with pytest.raises(BundleError, match="its only branch is bag, which has no vectors of tokens. Name a run with another one, such as"):
        open_vectors(run)


def test_another_format_names_the_run(run: Path, dataset: Path) -> None:
    out = run.parent / "export"
    export(run, ExportSettings(), out, dataset=dataset, overwrite=True)
    message = rf"is in format litert, which does not show its vectors. Name the run it was exported from, such as {run}."
    with pytest.raises(BundleError, match=message):
        open_vectors(out)


def test_vectors_written_begin_another_training(run: Path, dataset: Path, tmp_path: Path) -> None:
    vectors = open_vectors(run)
    vectors.export(tmp_path / "out.bin.gz", form="word2vec-binary", overwrite=False)
    words = vectors.tokenizer.vocabulary[6:]
    found = read_vectors(tmp_path / "out.bin.gz", words)
    np.testing.assert_array_equal(found.matrix, vectors.matrix[6:])
    again = train_tiny(dataset, tmp_path / "again", embedding=8, vectors=str(tmp_path / "out.bin.gz"), freeze_embedding=True)
    first, second = vectors.nearest(words[:1], count=5), open_vectors(again).nearest(words[:1], count=5)
    assert [each["token"] for each in first["words"][0]["nearest"]] == [each["token"] for each in second["words"][0]["nearest"]]
