"""Lists of cleaning steps: how they are written, and what is refused."""

import re

import pytest
from nltk.stem.snowball import SnowballStemmer

from slmcli.cleaning_steps import STEMMERS, check_steps
from slmcli.config import CleaningSettings, build
from slmcli.errors import ConfigError


@pytest.mark.parametrize(
    "steps",
    ["markup,nfkc", "markup, nfkc", ["markup,nfkc"], ["markup", "nfkc"], ("markup", "nfkc")],
    ids=["commas", "spaces", "one item", "items", "tuple"],
)
def test_steps_are_given_one_by_one_or_with_commas(steps: str | list[str]) -> None:
    assert build(CleaningSettings, {"cleaning": steps}, source="options").cleaning == ["markup", "nfkc"]


@pytest.mark.parametrize("steps", ["none", ["none"], []], ids=["text", "item", "empty list"])
def test_none_is_no_step(steps: str | list[str]) -> None:
    assert CleaningSettings(cleaning=steps).cleaning == []


def test_the_default_steps_are_accepted_as_they_are() -> None:
    assert CleaningSettings().cleaning == check_steps(CleaningSettings().cleaning)


def test_every_stemmer_of_nltk_is_known() -> None:
    assert SnowballStemmer.languages == STEMMERS


@pytest.mark.parametrize("steps", ["repeats", "repeats:1", "repeats:99", "stem", "stem:porter", "stopwords:en", "stopwords:en:0a1b2c3d"])
def test_arguments_stand_behind_a_colon(steps: str) -> None:
    assert check_steps(steps) == [steps]


def test_stop_words_of_two_languages_are_two_steps() -> None:
    assert check_steps("stopwords:en,stopwords:zh") == ["stopwords:en", "stopwords:zh"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("lowercas", "cleaning step 'lowercas' is unknown. Did you mean 'lowercase'? Known: broken_entities, markup, nfc, nfd, nfkc, urls, emails, "),
        ("", "cleaning step '' is unknown. Known: broken_entities, "),
        ("markup,,nfkc", "cleaning step '' is unknown"),
        ("markup:3", "cleaning step 'markup' takes no argument, but has '3'; write markup"),
        ("repeats:0", "cleaning step 'repeats' has the argument '0'; it takes the longest run that stays, from 1 to 99, such as repeats:3"),
        ("repeats:", "cleaning step 'repeats' has the argument ''"),
        ("stem:klingon", "cleaning step 'stem' has the argument 'klingon'; it takes one of arabic, danish, dutch, "),
        ("stopwords", "cleaning step 'stopwords' has the argument ''; it takes a language code, such as stopwords:en"),
        ("stopwords:en:xyz", "cleaning step 'stopwords' has the argument 'en:xyz'"),
        ("nfc,markup,nfc", "cleaning step 'nfc' stands twice; leave one out"),
        ("repeats:2,repeats:3", "cleaning step 'repeats' stands twice"),
        ("stopwords:en,stopwords:en:0a1b2c3d", "cleaning step 'stopwords:en' stands twice"),
        ("none,markup", "'none' means no cleaning step and stands alone; leave it or the other steps out"),
    ],
)
def test_wrong_steps_are_refused_with_the_repair(steps: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        check_steps(steps)


def test_the_message_of_the_settings_names_where_the_steps_came_from() -> None:
    with pytest.raises(ConfigError, match=r"^options: cleaning is 'steem': cleaning step 'steem' is unknown. Did you mean 'stem'\?"):
        build(CleaningSettings, {"cleaning": "steem"}, source="options")


@pytest.mark.parametrize("steps", [3, [3], {"markup": True}], ids=["number", "list of numbers", "mapping"])
def test_what_is_no_text_is_refused(steps: object) -> None:
    with pytest.raises(ConfigError, match="options: cleaning"):
        build(CleaningSettings, {"cleaning": steps}, source="options")
