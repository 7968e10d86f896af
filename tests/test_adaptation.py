import pytest

from slmcli.adaptation import METHODS, Adaptation, parse_adaptation
from slmcli.errors import ConfigError


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("all", Adaptation("all")),
        ("head", Adaptation("head")),
        ("bias", Adaptation("bias")),
        ("top:2", Adaptation("top", 2)),
        ("lora:8", Adaptation("lora", 8)),
        ("adapter:16", Adaptation("adapter", 16)),
    ],
)
def test_a_method_is_a_name_and_perhaps_a_number(method: str, expected: Adaptation) -> None:
    assert parse_adaptation(method) == expected


@pytest.mark.parametrize("method", ["all", "lora:8"])
def test_a_method_is_written_as_it_is_read(method: str) -> None:
    assert str(parse_adaptation(method)) == method


def test_an_unknown_name_gets_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'lorra:4' is unknown. Known: all, head, bias, top:N, lora:RANK, adapter:WIDTH. Did you mean 'lora'"):
        parse_adaptation("lorra:4")


@pytest.mark.parametrize("method", ["lora", "lora:", "lora:0", "lora:-1", "lora:four", "lora:2.5"])
def test_a_rank_that_is_no_number_above_zero_is_refused(method: str) -> None:
    with pytest.raises(ConfigError, match=f"--train {method!r}: RANK must be a whole number above 0. Pass for example lora:8."):
        parse_adaptation(method)


def test_a_number_too_much_is_refused() -> None:
    with pytest.raises(ConfigError, match="'head:2': head takes no number. Pass head."):
        parse_adaptation("head:2")


def test_the_message_names_the_option() -> None:
    with pytest.raises(ConfigError, match="--method 'none' is unknown"):
        parse_adaptation("none", option="--method")


def test_every_method_is_named() -> None:
    assert len(METHODS) == 6
