import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from conftest import make_session, rows, train_tiny

from slmcli.config import CleaningSettings, PreprocessSettings, TokenizerSettings
from slmcli.cooccurrence import cooccurrence_vectors
from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import ConfigError, DataError, DatasetError, OutputError
from slmcli.formats.keras import load_model
from slmcli.preprocessing import preprocess
from slmcli.scanning import Scanned
from slmcli.subsets import write_subset
from slmcli.tokenizers import TOKENIZERS
from slmcli.unlabelled import Texts, with_texts

TEXTS = [f"the {fruit} was {taste} and {taste} again" for fruit in ("plum", "quince", "fig") for taste in ("sweet", "sour", "ripe")]


def write_lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def make(corpus: Path, place: Path, *unlabelled: Path, overwrite: bool = False, **changes: Any) -> Dataset:
    values: dict[str, Any] = {"min_frequency": 1, "max_length": 16, "unlabelled": [str(path) for path in unlabelled], **changes}
    preprocess(PreprocessSettings(files=[str(corpus)], **values), place / "dataset", overwrite=overwrite)
    return open_dataset(place / "dataset")


def texts_of(dataset: Dataset) -> list[str]:
    tokenizer = dataset.load_tokenizer()
    return [tokenizer.decode(example.features["token_ids"]) for example in dataset.read("train")]


@pytest.fixture(scope="module")
def beside(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset of `corpus`, with nine texts without labels."""
    place = tmp_path_factory.mktemp("beside")
    return make(corpus, place, write_lines(place / "fruit.txt", TEXTS))


def test_words_of_texts_without_labels_enter_the_vocabulary(beside: Dataset, dataset: Path) -> None:
    assert {"quince", "sour"} <= set(beside.load_tokenizer().vocabulary)
    assert "quince" not in open_dataset(dataset).load_tokenizer().vocabulary


def test_the_texts_are_a_dataset_of_running_text(beside: Dataset) -> None:
    assert beside.unlabelled is not None
    assert sorted(texts_of(beside.unlabelled)) == sorted(TEXTS)
    assert (beside.unlabelled.task, beside.unlabelled.labels, beside.unlabelled.splits) == ("language-model", [], ["train"])
    assert beside.unlabelled.load_tokenizer().fingerprint == beside.load_tokenizer().fingerprint
    assert [source["name"] for source in beside.unlabelled.description["sources"]] == ["fruit.txt"]
    assert beside.description["unlabelled"] == {"path": "unlabelled", "examples": 9, "tokens": 9 * 8, "has_ngrams": True}


def test_a_text_is_kept_whole(corpus: Path, tmp_path: Path) -> None:
    made = make(corpus, tmp_path, write_lines(tmp_path / "long.txt", [" ".join(["plum"] * 100)]), max_length=16)
    assert made.unlabelled
    assert [len(example.features["token_ids"]) for example in made.unlabelled.read("train")] == [101]


def test_examples_and_labels_are_those_of_the_labelled_files(beside: Dataset, dataset: Path) -> None:
    plain = open_dataset(dataset)
    for name in ("examples", "label_counts", "tokens", "length_histogram", "labels"):
        assert beside.description[name] == plain.description[name]
    assert plain.unlabelled is None


def test_other_texts_make_another_dataset(corpus: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "fruit.txt", TEXTS)
    first = make(corpus, tmp_path, file)
    assert make(corpus, tmp_path, file).fingerprint == first.fingerprint
    write_lines(file, [*TEXTS, "another plum"])
    with pytest.raises(OutputError, match="holds a dataset of other files or settings"):
        make(corpus, tmp_path, file)
    with pytest.raises(OutputError, match="holds a dataset of other files or settings"):
        make(corpus, tmp_path)
    assert make(corpus, tmp_path, file, overwrite=True).description["unlabelled"]["examples"] == 10
    assert make(corpus, tmp_path, overwrite=True).unlabelled is None
    assert not (tmp_path / "dataset" / "unlabelled").exists()


def test_texts_of_any_form_are_read(corpus: Path, tmp_path: Path) -> None:
    """Also where format, column and encoding of the labelled files are named, and what is labelled too."""
    table = tmp_path / "more.csv"
    table.write_text("Body,label\r\nmelon pie,good\r\n,bad\r\n汤很好 🍲,\r\n", encoding="utf-8")
    renamed = tmp_path / "reviews.jsonl"
    renamed.write_text("".join(json.dumps({"body": text, "kind": label}) + "\n" for text, label in rows()), encoding="utf-16")
    lines = write_lines(tmp_path / "lines.txt", ["a pear", "", "   ", "two pears"])
    made = make(renamed, tmp_path, table, lines, text_column="body", label_column="kind", format="jsonl", encoding="utf-16")
    assert made.unlabelled
    assert sorted(texts_of(made.unlabelled)) == ["a pear", "melon pie", "two pears", "汤很好🍲"]


@pytest.mark.parametrize("task", ["pair", "similarity", "score", "multilabel"])
def test_every_task_takes_them(task: str, tmp_path: Path) -> None:
    lines = [{"text": f"{i} soup", "other": f"{i} tea", "label": "ab"[i % 2], "labels": "ab"[i % 2], "score": i % 7} for i in range(48)]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    columns = ["text_pair=other"] if task in ("pair", "similarity") else []
    made = make(corpus, tmp_path, write_lines(tmp_path / "fruit.txt", TEXTS), task=task, column=columns)
    assert made.unlabelled
    assert made.unlabelled.examples("train") == 9
    session = make_session(made.path, tmp_path / "run", task=task, embedding=6, initial_embedding="cooccurrence")
    table = next(weight for weight in session.model.weights if weight.name == "embeddings").numpy()
    assert np.linalg.norm(table[made.load_tokenizer().vocabulary.index("quince")]) == pytest.approx(0.2 * 6**0.5, abs=1e-5)


def test_patterns_and_several_files(corpus: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_lines(tmp_path / f"part-{name}.txt", TEXTS)
    assert make(corpus, tmp_path, tmp_path / "part-*.txt").description["unlabelled"]["examples"] == 18


@pytest.mark.parametrize("tokenizer", ["word", "chinese", "character", "byte", "bpe", "wordpiece", "unigram"])
def test_every_tokenizer_reads_them(tokenizer: str, corpus: Path, tmp_path: Path) -> None:
    made = make(corpus, tmp_path, write_lines(tmp_path / "fruit.txt", TEXTS), tokenizer=tokenizer, vocabulary_size=600)
    assert made.unlabelled
    known = made.load_tokenizer()
    expected = [[*known.encode(text), 3] for text in TEXTS]
    assert sorted(example.features["token_ids"].tolist() for example in made.unlabelled.read("train")) == sorted(expected)
    if (ngrams := made.load_ngrams()) is not None:
        for example in made.unlabelled.read("train"):
            assert example.features["ngram_ids"].tolist() == ngrams.encode(known.encode_and_split(example.text)[1]).tolist()


def test_a_known_tokenizer_stays_as_it_is(corpus: Path, dataset: Path, foreign_tokenizer: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "fruit.txt", TEXTS)
    for known in (dataset, foreign_tokenizer):
        made = make(corpus, tmp_path, file, tokenizer_from=str(known), min_frequency=2, overwrite=True)
        assert "quince" not in made.load_tokenizer().vocabulary
        assert made.unlabelled
        assert made.unlabelled.examples("train") == 9


def test_two_processes_make_the_same_dataset(corpus: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "fruit.txt", TEXTS)
    found = []
    for workers in (1, 2):
        (tmp_path / str(workers)).mkdir()
        path = make(corpus, tmp_path / str(workers), file, workers=workers).path
        found.append({str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*.tfrecord")})
    assert found[0] == found[1]
    assert "unlabelled/train-00000-of-00001.tfrecord" in found[0]


def joined(counts: dict[str, int], more: dict[str, int], *, tokenizer: str = "word", **settings: Any) -> Any:
    untrained = TOKENIZERS.load(tokenizer).untrained(TokenizerSettings(**settings), CleaningSettings())
    texts = Texts(Scanned(None, [], [], 0, 0), None, more)  # type: ignore[arg-type]
    return with_texts(counts, texts, untrained)


def test_words_of_training_texts_count_as_much_as_all_others_together() -> None:
    """So many times that there are more of them: 6 tokens beside 91 others count 16 times."""
    found = joined({"soup": 2, "tea": 3, "the": 1}, {"the": 40, "soup": 1, "of": 50})
    assert found == {"soup": 33, "tea": 48, "the": 56, "of": 50}
    assert joined({"soup": 2}, {"the": 1}, min_frequency=1) == {"soup": 2, "the": 1}


def test_a_word_is_as_frequent_as_both_together_say() -> None:
    assert set(joined({"soup": 1, "tea": 1}, {"soup": 1, "fig": 1, "plum": 2}, min_frequency=2)) == {"soup", "plum"}


@pytest.mark.parametrize("tokenizer", ["bpe", "wordpiece", "unigram", "byte", "character"])
def test_where_entries_are_no_words_all_texts_count_alike(tokenizer: str) -> None:
    """Frequencies are those of pieces, which the training of the tokenizer looks at."""
    assert joined({"soup": 1, "tea": 1}, {"soup": 40, "fig": 1}, tokenizer=tokenizer, min_frequency=2) == {"soup": 41, "tea": 1, "fig": 1}


def test_without_texts_counts_stay_as_they_are() -> None:
    counts = {"soup": 1}
    assert with_texts(counts, None, TOKENIZERS.load("word").untrained(TokenizerSettings(), CleaningSettings())) is counts


def test_texts_without_a_token_are_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--unlabelled .*blank.txt: no text has a single token. Give files of texts, or leave it out."):
        make(corpus, tmp_path, write_lines(tmp_path / "blank.txt", ["  ", "\t"]))
    assert not (tmp_path / "dataset").exists()


def test_a_file_that_is_missing_or_has_no_texts_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.txt does not exist"):
        make(corpus, tmp_path, tmp_path / "nowhere.txt")
    table = tmp_path / "table.csv"
    table.write_text("x,y\n1,2\n", encoding="utf-8")
    ours = r"\nTexts without labels are read by themselves: in UTF-8, of the format that name and content tell, with the texts in a column"
    with pytest.raises(DataError, match=r"--unlabelled: .*table.csv: which column to use is not obvious from the names: x, y." + ours):
        make(corpus, tmp_path, table)
    table.write_bytes("text\n汤很好喝\n".encode("gb18030"))
    with pytest.raises(DataError, match=r"--unlabelled: .*table.csv:2: byte 0x.. is not valid utf-8." + ours):
        make(corpus, tmp_path, table)
    with pytest.raises(ConfigError, match="a corpus file's name is empty"):
        make(corpus, tmp_path, Path("texts"), unlabelled=[""])
    assert not (tmp_path / "dataset").exists()


def test_texts_without_a_corpus_are_refused(tmp_path: Path) -> None:
    message = "--validation, --test and --unlabelled go with training files, and none are given. Name the training FILES too."
    with pytest.raises(ConfigError, match=message):
        preprocess(PreprocessSettings(unlabelled=[str(write_lines(tmp_path / "fruit.txt", TEXTS))]), tmp_path / "dataset", overwrite=False)


def test_standard_input_is_read_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"standard input \(-\) is named twice, and can be read once."):
        preprocess(PreprocessSettings(files=["-"], unlabelled=["-"]), tmp_path / "dataset", overwrite=False)


def test_training_begins_with_what_stands_beside_what_in_all_texts(beside: Dataset, tmp_path: Path) -> None:
    session = make_session(beside.path, tmp_path / "run", embedding=6, initial_embedding="cooccurrence")
    table = next(weight for weight in session.model.weights if weight.name == "embeddings").numpy()
    assert beside.unlabelled
    texts = [example.features["token_ids"] for each in (beside, beside.unlabelled) for example in each.read("train")]
    expected = cooccurrence_vectors(texts, vocabulary_size=len(table), width=6)
    quince = beside.load_tokenizer().vocabulary.index("quince")
    assert expected[quince].any()
    np.testing.assert_allclose(table[quince], 0.2 * np.sqrt(6) * expected[quince], atol=1e-6)


def test_vectors_that_are_frozen_stay_and_are_counted_as_such(beside: Dataset, tmp_path: Path) -> None:
    run = train_tiny(beside.path, tmp_path / "run", embedding=6, freeze_embedding=True)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    size = len(beside.load_tokenizer().vocabulary) * 6
    assert metrics["parameters"] - metrics["trainable_parameters"] == size + 1  # and the share of the member
    begun = make_session(beside.path, tmp_path / "new", embedding=6, freeze_embedding=True)
    before = next(weight for weight in begun.model.weights if weight.name == "embeddings")
    after = next(weight for weight in load_model(run / "bundle").weights if weight.name == "embeddings")
    np.testing.assert_array_equal(after.numpy(), before.numpy())


def test_vectors_that_are_not_frozen_move(beside: Dataset, tmp_path: Path) -> None:
    run = train_tiny(beside.path, tmp_path / "run", embedding=6, initial_embedding="cooccurrence")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["parameters"] - metrics["trainable_parameters"] == 1


def test_a_bag_that_learns_nothing_from_them_says_so(beside: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    what = f"Nothing is learned from the texts without labels in {beside.path}."
    train_tiny(beside.path, tmp_path / "with", backbone="bag", bag_directions=8)
    assert what not in caplog.text
    train_tiny(beside.path, tmp_path / "without", backbone="bag", bag_directions=0)
    assert f"{what} Leave out --bag-directions 0 for directions to be found." in caplog.messages
    train_tiny(beside.path, tmp_path / "conv")
    assert "token vectors begin with naive Bayes. Pass --initial-embedding cooccurrence to use them." in caplog.text


def test_texts_that_were_removed_are_missed(corpus: Path, tmp_path: Path) -> None:
    made = make(corpus, tmp_path, write_lines(tmp_path / "fruit.txt", TEXTS))
    shutil.rmtree(made.path / "unlabelled")
    with pytest.raises(DatasetError, match=r"dataset/unlabelled is missing. The dataset is incomplete; make it again with `slm preprocess --overwr"):
        train_tiny(made.path, tmp_path / "run", initial_embedding="cooccurrence")
    assert not (tmp_path / "run").exists()


def test_texts_of_another_tokenizer_are_refused(corpus: Path, tmp_path: Path) -> None:
    made = make(corpus, tmp_path, write_lines(tmp_path / "fruit.txt", TEXTS))
    made.description["tokenizer_fingerprint"] = "of another"
    with pytest.raises(DatasetError, match=r"dataset/unlabelled was made with another tokenizer than .*dataset. Make the dataset again with `slm"):
        made.unlabelled  # noqa: B018  (it is looked at)


def test_a_part_of_the_examples_has_the_texts_wherever_they_are(corpus: Path, tmp_path: Path) -> None:
    made = make(corpus, tmp_path, write_lines(tmp_path / "fruit.txt", TEXTS))
    splits = np.zeros(made.examples("train") + made.examples("validation"), np.uint8)
    part = write_subset(made, splits, tmp_path / "part")
    assert part.unlabelled
    assert sorted(texts_of(part.unlabelled)) == sorted(TEXTS)
    moved = made.path.rename(tmp_path / "moved")
    part = write_subset(open_dataset(moved), splits, tmp_path / "part")
    assert part.unlabelled
    assert part.unlabelled.path == moved.resolve() / "unlabelled"


def test_every_fold_begins_with_them(beside: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, readers = beside.unlabelled, []

    def unlabelled(dataset: Dataset) -> Dataset | None:
        readers.append(dataset.path)
        return texts

    monkeypatch.setattr(Dataset, "unlabelled", property(unlabelled))
    train_tiny(beside.path, tmp_path / "run", k_fold=2, embedding=6, freeze_embedding=True)
    assert len(set(readers)) == 3  # the whole, and two folds


def test_the_command_says_how_many_texts_there_are(corpus: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    file = write_lines(tmp_path / "fruit.txt", TEXTS)
    arguments = ["preprocess", str(corpus), "--unlabelled", str(file), "--out", str(tmp_path / "dataset")]
    result = slm(*arguments)
    assert "tokens (and 72 in 9 texts without labels), vocabulary" in result.stdout
    again = json.loads(slm(*arguments, "--json").stdout)
    assert (again["up_to_date"], again["unlabelled"]) == (True, {"examples": 9, "tokens": 72})


def test_texts_beside_vectors_of_a_file_are_said_to_teach_words_alone(beside: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "some.vec").write_text("soup 1 2\nplum 3 4\n", encoding="utf-8")
    train_tiny(beside.path, tmp_path / "run", embedding=2, vectors=str(tmp_path / "some.vec"))
    what = f"Nothing is learned from the texts without labels in {beside.path}: token vectors begin with those of a file."
    assert f"{what} Pass --initial-embedding cooccurrence to use them instead." in caplog.messages
