import pytest

from slmcli.inlining import imports_of, inline


def run(source: str, imports: str) -> dict[str, object]:
    """Carry out the file that was made."""
    names: dict[str, object] = {"__name__": "made"}
    exec(compile(f"{imports}\n{source}", "made.py", "exec"), names)
    return names


def test_a_definition_comes_with_all_that_it_uses() -> None:
    found = inline([("slmcli.ngrams", "buckets_of")])
    names = run(found.source(), imports_of(found.imports))
    assert {"buckets_of", "_word_buckets", "mix", "_ENDS", "WORD_BITS"} <= names.keys()


def test_nothing_else_comes_along() -> None:
    found = inline([("slmcli.ngrams", "hash_subwords")])
    assert found.modules == {"slmcli.ngrams": {"hash_subwords", "hash_characters", "SUBWORD_SIZES"}}
    assert found.imports == {("zlib", "")}


def test_what_is_used_at_the_top_of_a_file_stands_before_it() -> None:
    source = inline([("slmcli.ngrams", "_ENDS")]).source()
    assert source.index("def mix") < source.index("_ENDS = mix(")


def test_methods_that_are_left_out_bring_nothing_along() -> None:
    found = inline([("slmcli.character_cleaning", "Whitespace")], without=("moves",))
    assert "def moves" not in found.source()
    assert found.imports == {("re", "")}


def test_comments_right_above_come_along() -> None:
    source = inline([("slmcli.character_cleaning", "ENTITIES")], without=("moves",)).source()
    assert "# what html.unescape looks at\nENTITIES = " in source


@pytest.mark.parametrize(
    ("imported", "statements"),
    [
        ([("re", ""), ("functools", "")], "import functools\nimport re"),
        ([("typing", "Self"), ("typing", "Any"), ("sys", "")], "import sys\nfrom typing import Any, Self"),
        ([("numpy", ""), ("re", "")], "import re\n\nimport numpy as np"),
    ],
    ids=["in order", "from one module", "other packages"],
)
def test_imports_are_written_as_people_do(imported: list[tuple[str, str]], statements: str) -> None:
    assert imports_of(imported) == statements
