"""Cleaning with the origin of each character."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slmcli.cleaning import STEPS, clean, clean_aligned
from slmcli.config import CLEANING_STEPS, CleaningSettings

ODD = st.text(
    st.one_of(st.characters(), st.sampled_from("aA<b>&amp;#; \u0301\u1100\u1161\u11a8İΣςſ\u212bﬁ１中文\uff76\uff9e\ud83d\ude00")), max_size=30
)


def test_every_step_has_a_name_in_the_settings() -> None:
    assert tuple(STEPS) == CLEANING_STEPS


@pytest.mark.parametrize("step", CLEANING_STEPS)
@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=ODD)
@example(text="&<b>amp;")
@example(text="ΑΣ ΑΣΑ")
def test_alignment_gives_the_same_text(step: str, text: str) -> None:
    chosen = CleaningSettings(cleaning=[step])
    cleaned, starts, ends = clean_aligned(text, chosen)
    assert cleaned == clean(text, chosen)
    assert len(starts) == len(ends) == len(cleaned)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=ODD, steps=st.permutations(CLEANING_STEPS).flatmap(lambda names: st.integers(0, 5).map(lambda count: names[:count])))
def test_alignment_gives_the_same_text_for_all_orders(text: str, steps: list[str]) -> None:
    chosen = CleaningSettings(cleaning=steps)
    cleaned, starts, ends = clean_aligned(text, chosen)
    assert cleaned == clean(text, chosen)
    assert starts == sorted(starts)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))


def test_characters_point_at_their_origin() -> None:
    cleaned, starts, ends = clean_aligned("  <b>Café&amp;Ｂar</b>", CleaningSettings())
    assert [(character, start, end) for character, start, end in zip(cleaned, starts, ends, strict=True)] == [
        ("c", 5, 6), ("a", 6, 7), ("f", 7, 8), ("é", 8, 9), ("&", 9, 14), ("b", 14, 15), ("a", 15, 16), ("r", 16, 17),
    ]  # fmt: skip
