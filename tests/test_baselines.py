from slmcli.baselines import baseline_scores

TRAIN = [("good good day", 1), ("good fun", 1), ("good", 1), ("bad day", 0), ("bad smell", 0)]
TEST = [("a good one", 1), ("so bad", 0), ("bad luck", 0), ("nothing known", 1)]


def scores() -> dict[str, dict[str, float]]:
    return baseline_scores(TRAIN, TEST, str.split, classes=2)


def test_the_majority_says_the_most_frequent_label() -> None:
    # label 1 is most frequent in training; 2 of the 4 test labels are 1
    assert scores()["majority"]["accuracy"] == 0.5


def test_keywords_decide_where_they_occur_and_the_majority_elsewhere() -> None:
    assert scores()["keyword"]["accuracy"] == 1.0


def test_tfidf_learns_telling_words() -> None:
    assert baseline_scores(TRAIN, TEST[:3], str.split, classes=2)["tfidf_logistic"]["accuracy"] == 1.0


def test_more_than_two_labels_work() -> None:
    train = [*TRAIN, ("blue sky", 2), ("blue", 2)]
    assert baseline_scores(train, [("blue", 2), ("bad", 0)], str.split, classes=3)["tfidf_logistic"]["accuracy"] == 1.0
