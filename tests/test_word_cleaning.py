"""Cleaning steps that know a language: stop words, stems, simplified and traditional Chinese."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import nltk.data
import pytest
import stopwordsiso

from slmcli import cleaning, word_cleaning
from slmcli.cleaning import clean, resolve
from slmcli.config import CleaningSettings
from slmcli.errors import ConfigError, DataError, MissingPackageError


@pytest.fixture(autouse=True)
def _without_nltk_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(nltk.data, "path", [])
    _forget()
    yield
    _forget()


def _forget() -> None:
    word_cleaning._stop_words.cache_clear()
    word_cleaning._converter.cache_clear()
    cleaning._compile.cache_clear()


@pytest.fixture
def nltk_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "corpora" / "stopwords" / "english"
    path.parent.mkdir(parents=True)
    path.write_text("the\nof\n", encoding="utf-8")
    monkeypatch.setattr(nltk.data, "path", [os.fspath(tmp_path)])
    return path


def cleaned(text: str, *steps: str) -> str:
    return clean(text, CleaningSettings(cleaning=list(steps)))


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("stopwords:en", "The soup isn't on THE stove, Ann!", " soup    stove, Ann!"),
        ("stopwords:en", "the isn’t theory", "  theory"),
        ("stopwords:en", "'the' ’isn’t’ theory", "'' ’’ theory"),
        ("stopwords:de", "der Ofen ist warm", " Ofen  warm"),
        ("stopwords:zh", "我们的面包 the", "  面包 the"),
        ("stopwords:hi", "यह किताब है", " किताब "),
        ("stopwords:en", "", ""),
    ],
    ids=["english", "apostrophe", "quotes", "german", "chinese", "hindi", "empty"],
)
def test_stop_words_are_removed_and_all_else_stays(step: str, text: str, expected: str) -> None:
    assert cleaned(text, step) == expected


def test_a_removed_chinese_word_leaves_a_space_so_that_its_neighbours_make_no_new_word() -> None:
    assert cleaned("面包的汤", "stopwords:zh") == "面包 汤"


def test_stop_words_of_two_languages_are_removed() -> None:
    assert cleaned("the 面包的汤", "stopwords:en", "stopwords:zh") == " 面包 汤"


@pytest.mark.parametrize("word", ["not", "good"])
def test_the_english_list_takes_words_that_carry_an_opinion(word: str) -> None:
    assert cleaned(word, "stopwords:en") == ""


def test_the_list_of_nltk_comes_first(nltk_list: Path) -> None:
    assert cleaned("the list of all", "stopwords:en") == " list  all"


def test_a_resolved_list_is_found_again_when_another_one_comes_first(nltk_list: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    settings = resolve(CleaningSettings(cleaning=["stopwords:en"]))
    monkeypatch.setattr(nltk.data, "path", [os.fspath(nltk_list.parents[2])])
    _forget()
    assert clean("the list of all", settings) == " list  "


def test_resolving_twice_is_resolving_once() -> None:
    settings = resolve(CleaningSettings(cleaning=["lowercase", "stopwords:en", "stopwords:zh", "stem"]))
    assert [step.count(":") for step in settings.cleaning] == [0, 2, 2, 0]
    assert resolve(settings) == settings


def test_other_stop_words_than_in_training_are_refused(nltk_list: Path) -> None:
    settings = resolve(CleaningSettings(cleaning=["stopwords:en"]))
    nltk_list.write_text("the\n", encoding="utf-8")
    _forget()
    with pytest.raises(DataError, match=f"stop words {settings.cleaning[0]}, with which the training texts were cleaned, .* `slm preprocess --over"):
        clean("the list", settings)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("stopwords:xx", "cleaning step stopwords:xx: no stop words for 'xx' here. Known: af, ar, "),
        ("stopwords:az", "no stop words for 'az' here. NLTK's data has them: python -m nltk.downloader stopwords. Known: "),
        ("stopwords:ja", "'ja' is written without spaces, and its words cannot be found. Leave the step out."),
    ],
)
def test_a_language_without_stop_words_is_refused(step: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cleaned("soup", step)


def test_without_any_list_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stopwordsiso", None)
    with pytest.raises(MissingPackageError, match=r"stopwordsiso is not installed. Run: pip install slmcli\[cleaning\]"):
        resolve(CleaningSettings(cleaning=["stopwords:en"]))


def test_languages_without_spaces_have_a_list_that_is_not_used() -> None:
    assert stopwordsiso.langs() >= word_cleaning.UNSEGMENTED


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("stem", "The cats were running, happily!", "the cat were run, happili!"),
        ("stem:porter", "relational", "relat"),
        ("stem:german", "Häuser", "haus"),
        ("stem:english", "the baker's 面包 _url_ _number_", "the baker 面包 _url_ _number_"),
        ("stem", "ing" * 30, "ing" * 30),
    ],
    ids=["english", "porter", "german", "placeholders", "too long"],
)
def test_words_become_stems(step: str, text: str, expected: str) -> None:
    assert cleaned(text, step) == expected


def test_a_stem_does_not_depend_on_the_words_before_it() -> None:
    words = ["خبضو", "مةحأبكستم", "اةثو", "والكتاب", "يكتبون"]
    forwards = cleaned(" ".join(words), "stem:arabic").split()
    word_cleaning._stemmer.cache_clear()
    cleaning._compile.cache_clear()
    assert cleaned(" ".join(reversed(words)), "stem:arabic").split() == forwards[::-1]


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [("simplified", "漢字轉換 soup 頭髮", "汉字转换 soup 头发"), ("traditional", "头发和发展", "頭髮和發展"), ("simplified", "面包", "面包")],
)
def test_chinese_is_written_in_the_characters_asked_for(step: str, text: str, expected: str) -> None:
    assert cleaned(text, step) == expected


@pytest.mark.parametrize("step", ["simplified", "traditional"])
def test_without_opencc_the_message_says_what_to_install(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opencc", None)
    with pytest.raises(
        MissingPackageError, match=r"simplified and traditional need opencc, which is not installed. Run: pip install slmcli\[cleaning\]"
    ):
        cleaned("汉字", step)


def test_words_are_cut_by_the_dictionary_that_comes_with_jieba() -> None:
    assert list(word_cleaning.chinese_segmenter().cut("面包很软")) == ["面包", "很软"]
