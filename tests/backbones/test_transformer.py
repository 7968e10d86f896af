from typing import Any

import pytest

from slmcli.backbones.transformer import Transformer
from slmcli.config import build
from slmcli.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"width": 10, "heads": 4}, r"test: width \(10\) must be a multiple of heads \(4\)\."),
        ({"width": 9, "heads": 3}, r"test: width \(9\) / heads \(3\) must be even for rotary positions\. Choose others, or --positions learned\."),
    ],
    ids=["not-divided", "odd"],
)
def test_heads_that_do_not_fit_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build(Transformer, values, source="test")


def test_an_odd_head_is_fine_without_rotary_positions() -> None:
    assert Transformer(width=9, heads=3, positions="learned").width == 9
