"""Windows over documents whose tokens are all different, so that each can be found again."""

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_jsonl

from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import DataError
from slmcli.preprocessing import preprocess
from slmcli.token_windows import TrainingWindows, Window, count_tokens, judging_windows, pack, read_documents
from slmcli.tokenizers.base import END_ID, PADDING_ID

FORMS = pytest.mark.parametrize(("gap", "is_carried"), [(0, True), (0, False), (3, False)], ids=["carried", "shuffled", "with gaps"])


def documents(*lengths: int) -> list[np.ndarray]:
    """Return documents of such lengths, the tokens of all of them counted through from 10."""
    stops = 10 + np.cumsum([0, *lengths])
    return [np.arange(*pair, dtype=np.int32) for pair in pairwise(stops)]


DOCUMENTS = documents(7, 1, 30, 4, 12, 5)


def windows(given: list[np.ndarray] = DOCUMENTS, **changes: Any) -> TrainingWindows:
    return TrainingWindows(given, **{"rows": 2, "context": 4, "gap": 0, "is_carried": True, "seed": 1, **changes})


def steps_of_pass(made: TrainingWindows, number: int) -> list[Window]:
    return list(islice(made.batches(number * made.steps_per_epoch), made.steps_per_epoch))


def predictions(found: list[Window]) -> list[tuple[int, int]]:
    """Return the pairs of a token and the one behind it that count."""
    return [pair for inputs, targets, weights in found for pair in zip(inputs[weights > 0].tolist(), targets[weights > 0].tolist(), strict=True)]


def expected_predictions(given: list[np.ndarray]) -> list[tuple[int, int]]:
    whole = [[END_ID, *document.tolist(), END_ID] for document in given]
    return sorted(pair for row in whole for pair in pairwise(row))


def test_documents_share_the_mark_between_them() -> None:
    assert pack(documents(2, 1), [1, 0], gap=0).tolist() == [END_ID, 12, END_ID, 10, 11, END_ID]


def test_a_gap_stands_between_two_marks() -> None:
    assert pack(documents(2, 1), [0, 1], gap=2).tolist() == [END_ID, 10, 11, END_ID, PADDING_ID, PADDING_ID, END_ID, 12, END_ID]


def test_the_end_of_each_document_is_predicted() -> None:
    assert count_tokens(documents(2, 1)) == 5


@FORMS
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("given", [DOCUMENTS, documents(1), documents(200), documents(4, 4)], ids=["several", "one token", "long", "of a window"])
def test_every_token_is_judged_exactly_once(given: list[np.ndarray], rows: int, gap: int, is_carried: bool) -> None:
    found = judging_windows(given, rows=rows, context=4, gap=gap, is_carried=is_carried)
    assert sorted(predictions(found)) == expected_predictions(given)
    assert {inputs.shape for inputs, _, _ in found} == {(rows, 4)}


@FORMS
def test_nothing_but_what_is_real_counts(gap: int, is_carried: bool) -> None:
    for inputs, targets, weights in judging_windows(DOCUMENTS, rows=3, context=4, gap=gap, is_carried=is_carried):
        np.testing.assert_array_equal(weights, (inputs != PADDING_ID) & (targets != PADDING_ID))


def test_rows_that_are_judged_go_on_from_window_to_window() -> None:
    found = judging_windows(documents(150), rows=2, context=4, gap=0, is_carried=True)
    rows = np.concatenate([inputs for inputs, _, _ in found], axis=1)
    assert rows.ravel()[:151].tolist() == [END_ID, *range(10, 160)]


def test_short_texts_stand_in_few_rows() -> None:
    # 33 inputs are one row of nine windows: two rows would be less than eight windows each
    found = judging_windows(documents(32), rows=2, context=4, gap=0, is_carried=True)
    assert (len(found), sum(weights[1].sum() for _, _, weights in found)) == (9, 0)


@FORMS
def test_a_pass_covers_the_text_but_what_is_less_than_a_step(gap: int, is_carried: bool) -> None:
    made = windows(gap=gap, is_carried=is_carried)
    found = predictions(steps_of_pass(made, 0))
    assert len(set(found)) == len(found)
    assert set(found) <= set(expected_predictions(DOCUMENTS))
    inputs = len(pack(DOCUMENTS, range(len(DOCUMENTS)), gap=gap)) - 1
    assert made.steps_per_epoch == inputs // 8


@FORMS
def test_every_window_goes_on_as_a_document_does(gap: int, is_carried: bool) -> None:
    for inputs, targets, _ in steps_of_pass(windows(gap=gap, is_carried=is_carried), 0):
        np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])


def test_rows_go_on_from_step_to_step_where_states_are_carried() -> None:
    found = steps_of_pass(windows(), 0)
    for (_, targets, _), (inputs, _, _) in pairwise(found):
        np.testing.assert_array_equal(targets[:, -1], inputs[:, 0])


def test_windows_are_shuffled_where_they_are_not() -> None:
    found = steps_of_pass(windows(is_carried=False), 0)
    assert any((targets[:, -1] != inputs[:, 0]).any() for (_, targets, _), (inputs, _, _) in pairwise(found))


@FORMS
def test_the_order_depends_on_seed_and_pass_alone(gap: int, is_carried: bool) -> None:
    form: dict[str, Any] = {"gap": gap, "is_carried": is_carried}
    first, again = (steps_of_pass(windows(**form), 1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other_pass, other_seed = steps_of_pass(windows(**form), 2), steps_of_pass(windows(**form, seed=2), 1)
    assert not np.array_equal(first, other_pass)
    assert not np.array_equal(first, other_seed)


@FORMS
@pytest.mark.parametrize("first", [1, 6, 7, 8, 20])
def test_beginning_later_is_leaving_steps_out(first: int, gap: int, is_carried: bool) -> None:
    made = windows(gap=gap, is_carried=is_carried)
    whole = list(islice(made.batches(0), first + 3))
    np.testing.assert_array_equal(list(islice(made.batches(first), 3)), whole[first:])


def test_too_little_text_is_refused() -> None:
    message = (
        r"ds has 6 tokens to predict, fewer than the 8 of one step \(--batch-size 2 times --context 4\)\. Pass a lower --batch-size or --context"
    )
    with pytest.raises(DataError, match=message):
        windows(documents(2, 2)).check("ds")


def test_text_for_one_step_is_enough() -> None:
    windows(documents(7)).check("ds")


@pytest.mark.parametrize("gap", [0, 3])
def test_no_text_at_all_is_refused(gap: int) -> None:
    with pytest.raises(DataError, match="ds has 0 tokens to predict"):
        windows([], gap=gap).check("ds")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A dataset of labelled texts, with texts without labels beside them."""
    place = tmp_path_factory.mktemp("labelled")
    corpus = write_jsonl(place / "corpus.jsonl", [(f"word{i} good", "ab"[i % 2]) for i in range(12)])
    (place / "more.txt").write_text("".join(f"plain{i} text\n" for i in range(9)), encoding="utf-8")
    values: dict[str, Any] = {"validation_share": 0.25, "test_share": 0.0, "min_frequency": 1}
    preprocess(PreprocessSettings(task="topic", files=[str(corpus)], unlabelled=[str(place / "more.txt")], **values), place / "ds", overwrite=False)
    return open_dataset(place / "ds")


def texts(dataset: Dataset, split: str) -> list[str]:
    tokenizer = dataset.load_tokenizer()
    return sorted(tokenizer.decode(document.tolist()) for document in read_documents(dataset, split))


def test_texts_without_labels_are_read_beside_the_labelled(labelled: Dataset) -> None:
    found = texts(labelled, "train")
    assert [text for text in found if text.startswith("plain")] == [f"plain{i} text" for i in range(9)]
    assert len(found) == 9 + labelled.examples("train")


def test_texts_without_labels_are_not_judged_by(labelled: Dataset) -> None:
    assert {text.rpartition(" ")[2] for text in texts(labelled, "validation")} == {"good"}


def test_documents_have_no_marks(labelled: Dataset) -> None:
    assert not any(set(document.tolist()) & {PADDING_ID, END_ID} for document in read_documents(labelled, "train"))


def test_both_texts_of_a_pair_are_read(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("text1,text2,label\n" + "".join(f"one{i},two{i},{'ab'[i % 2]}\n" for i in range(8)), encoding="utf-8")
    values: dict[str, Any] = {"validation_share": 0.25, "test_share": 0.0, "min_frequency": 1}
    preprocess(PreprocessSettings(task="pair", files=[str(tmp_path / "pairs.csv")], **values), tmp_path / "ds", overwrite=False)
    dataset = open_dataset(tmp_path / "ds")
    assert len(read_documents(dataset, "train")) == 2 * dataset.examples("train")
