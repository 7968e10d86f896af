"""A registry lists names without importing, loads on demand, and helps with misspelt names."""

import re
from collections import OrderedDict

import pytest

from slmcli.errors import ConfigError
from slmcli.registry import Registry, hint

DRINKS = Registry("drink", {"tea": "collections:OrderedDict", "coffee": "no.such.module:Coffee"})


def test_names_keep_the_order_of_the_table() -> None:
    assert Registry("drink", {"tea": "a:b", "coffee": "a:b", "milk": "a:b"}).names() == ["tea", "coffee", "milk"]


def test_names_are_listed_without_importing_the_members() -> None:
    assert "coffee" in DRINKS.names()


def test_a_changed_list_of_names_does_not_change_the_registry() -> None:
    DRINKS.names().clear()
    assert DRINKS.names() == ["tea", "coffee"]


def test_a_changed_table_does_not_change_the_registry() -> None:
    table = {"tea": "collections:OrderedDict"}
    registry = Registry("drink", table)
    table.clear()
    assert registry.names() == ["tea"]


def test_load_returns_the_attribute() -> None:
    assert DRINKS.load("tea") is OrderedDict


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=re.escape("drink 'xyz' is unknown. Known: tea, coffee.") + "$"):
        DRINKS.load("xyz")


def test_a_misspelt_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=re.escape("drink 'cofee' is unknown. Known: tea, coffee. Did you mean 'coffee'?")):
        DRINKS.load("cofee")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("epoch", " Did you mean 'epochs'?"),
        ("btach_size", " Did you mean 'batch_size'?"),
        ("zzz", ""),
        ("", ""),
    ],
    ids=["letter missing", "letters swapped", "nothing near", "empty"],
)
def test_hint_offers_only_a_near_name(name: str, expected: str) -> None:
    assert hint(name, ["epochs", "batch_size", "seed"]) == expected


def test_hint_is_empty_when_nothing_is_known() -> None:
    assert hint("epochs", []) == ""
