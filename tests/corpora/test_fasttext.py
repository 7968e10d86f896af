"""Files of fastText: labels with a prefix, then the text."""

from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.fasttext import read


def test_one_label_is_the_label(tmp_path: Path) -> None:
    path = tmp_path / "stew.txt"
    path.write_text("__label__good a thick  stew\n\n__label__bad thin broth\n")
    assert [(record.row, record.values) for record in read(path, CorpusSettings())] == [
        (1, {"text": "a thick stew", "label": "good", "labels": ["good"]}),
        (3, {"text": "thin broth", "label": "bad", "labels": ["bad"]}),
    ]


def test_several_labels_are_a_list(tmp_path: Path) -> None:
    path = tmp_path / "stew.txt"
    path.write_text("__label__soup __label__winter a thick stew\nno label at all\n")
    assert [(record.values["label"], record.values["labels"]) for record in read(path, CorpusSettings())] == [(None, ["soup", "winter"]), (None, [])]
