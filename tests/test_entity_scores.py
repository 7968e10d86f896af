import numpy as np
import pytest

from slmcli.entity_scores import all_are_right, count_entities, entity_scores, entity_types, find_entities

# what conlleval and seqeval's default make of tags, by hand
TAGS = {
    "BIO": ("B-PER I-PER O B-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
    "neighbours": ("B-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),
    "BIOES": ("B-PER I-PER E-PER S-LOC S-LOC", [("PER", 0, 3), ("LOC", 3, 4), ("LOC", 4, 5)]),
    "BILOU": ("B-PER L-PER U-LOC", [("PER", 0, 2), ("LOC", 2, 3)]),
    "BMES": ("B-PER M-PER E-PER", [("PER", 0, 3)]),
    "IO": ("PER PER O LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
    "goes on with nothing": ("O I-PER I-PER", [("PER", 1, 3)]),
    "goes on as another type": ("B-LOC I-PER", [("LOC", 0, 1), ("PER", 1, 2)]),
    "goes on behind an end": ("B-PER E-PER I-PER", [("PER", 0, 2), ("PER", 2, 3)]),
    "ends what did not begin": ("O E-PER O", [("PER", 1, 2)]),
    "type with a hyphen": ("B-creative-work I-creative-work", [("creative-work", 0, 2)]),
    "nothing": ("O O", []),
}


@pytest.mark.parametrize(("tags", "entities"), TAGS.values(), ids=TAGS)
def test_entities_are_read_from_tags(tags: str, entities: list[tuple[str, int, int]]) -> None:
    assert find_entities(tags.split()) == entities


def test_types_are_those_of_tags_without_their_letters() -> None:
    assert entity_types(["O", "B-PER", "I-PER", "S-LOC", "GPE"]) == ["GPE", "LOC", "PER"]


def test_only_entities_with_type_and_both_ends_right_count() -> None:
    # right: PER 0-2, LOC 3-4; tagged: PER 0-1 (too short), LOC 3-4
    counts = count_entities([["B-PER", "O", "O", "B-LOC"]], [["B-PER", "I-PER", "O", "B-LOC"]], ["LOC", "PER"])
    scores, labels = entity_scores(counts)
    assert [float(scores[name][0]) for name in ("f1", "precision", "recall", "macro_f1")] == [0.5, 0.5, 0.5, 0.5]
    np.testing.assert_array_equal(labels["f1"], [[1.0, 0.0]])


def test_a_type_that_nothing_right_has_lowers_precision_alone() -> None:
    scores, labels = entity_scores(count_entities([["B-LOC", "B-BOOK"]], [["B-LOC", "O"]], ["LOC"]))
    assert (scores["precision"][0], scores["recall"][0], labels["precision"][0, 0]) == (0.5, 1.0, 1.0)


def test_schemes_may_differ() -> None:
    counts = count_entities([["B-PER", "E-PER", "S-LOC"]], [["B-PER", "I-PER", "B-LOC"]], ["LOC", "PER"])
    assert entity_scores(counts)[0]["f1"][0] == 1.0


def test_scores_of_sums_are_those_of_all_examples() -> None:
    tagged, right = [["B-A"], ["B-A"], ["O"]], [["B-A"], ["O"], ["B-A"]]
    scores, _ = entity_scores(count_entities(tagged, right, ["A"]).sum(axis=0, keepdims=True))
    assert (scores["precision"][0], scores["recall"][0]) == (0.5, 0.5)


def test_no_entity_at_all_scores_zero_and_is_right() -> None:
    counts = count_entities([["O"]], [["O"]], ["A"])
    assert entity_scores(counts)[0]["f1"][0] == 0.0
    assert all_are_right(counts).tolist() == [True]


def test_an_example_is_right_when_all_entities_are() -> None:
    tagged, right = [["B-A", "O"], ["B-A", "B-A"], ["O", "B-A"]], [["B-A", "O"]] * 3
    assert all_are_right(count_entities(tagged, right, ["A"])).tolist() == [True, False, False]
