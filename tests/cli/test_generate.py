"""What a person and a script get from a model that has learned five sentences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Slm = Callable[..., Result]


def texts_of(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["texts"]


def test_a_text_stands_behind_its_prompt(language_run: Path, slm: Slm) -> None:
    result = slm("generate", language_run, "--prompt", "ann", "--temperature", "0", "--max-tokens", "3")
    assert (result.exit_code, result.stdout) == (0, "ann eats a pear\n")


def test_an_empty_prompt_works(language_run: Path, slm: Slm) -> None:
    (found,) = texts_of(slm("generate", language_run, "--json", "--prompt", ""))
    assert found["text"].split()[0] in {"ann", "bob", "cat", "dan", "eve"}


def test_without_a_prompt_it_is_empty(language_run: Path, slm: Slm) -> None:
    assert texts_of(slm("generate", language_run, "--json")) == texts_of(slm("generate", language_run, "--json", "--prompt", ""))


def test_several_prompts_are_continued_in_their_order(language_run: Path, slm: Slm) -> None:
    result = slm("generate", language_run, "--prompt", "ann", "--prompt", "bob", "--temperature", "0", "--max-tokens", "3")
    assert result.stdout == "ann eats a pear\n\nbob reads a book\n"


def test_prompts_come_from_a_file(language_run: Path, slm: Slm) -> None:
    Path("prompts.txt").write_text("eve\r\ndan", encoding="utf-8")
    found = texts_of(slm("generate", language_run, "--json", "--prompts", "prompts.txt", "--prompt", "ann", "--temperature", "0"))
    assert [text["prompt"] for text in found] == ["ann", "eve", "dan"]


def test_prompts_come_from_standard_input(language_run: Path, slm: Slm) -> None:
    found = texts_of(slm("generate", language_run, "--json", "--prompts", "-", text="cat\neve paints\n"))
    assert [text["prompt"] for text in found] == ["cat", "eve paints"]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_a_prompt_is_refused(content: str, language_run: Path, slm: Slm) -> None:
    Path("prompts.txt").write_text(content, encoding="utf-8")
    result = slm("generate", language_run, "--prompts", "prompts.txt")
    assert result.exit_code == 2
    assert "--prompts prompts.txt: there is no prompt in it. Put one on each line." in result.stderr


def test_a_file_that_is_not_there_is_named(language_run: Path, slm: Slm) -> None:
    result = slm("generate", language_run, "--prompts", "missing.txt")
    assert result.exit_code in (2, 3)
    assert "missing.txt" in result.stderr


def test_unknown_words_are_named_on_standard_error(language_run: Path, slm: Slm) -> None:
    result = slm("generate", language_run, "--prompt", "ann zeppelin", "--json")
    assert len(texts_of(result)) == 1
    assert "the model has never seen 'zeppelin', and reads <unk> in its place" in result.stderr


def test_a_prompt_of_which_nothing_is_known_ends_with_exit_code_2(language_run: Path, slm: Slm) -> None:
    result = slm("generate", language_run, "--prompt", "ann", "--prompt", "zeppelin")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "prompt 'zeppelin': the tokenizer of the model has seen nothing of it in its texts" in result.stderr


def test_samples_differ_and_stand_apart(language_run: Path, slm: Slm) -> None:
    drawing = ("--samples", "3", "--temperature", "5", "--top-p", "1", "--max-tokens", "8")
    found = texts_of(slm("generate", language_run, "--json", *drawing))
    assert len({text["text"] for text in found}) == 3
    assert slm("generate", language_run, *drawing).stdout == "\n\n".join(text["text"] for text in found) + "\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [(["--max-tokens", "2"], "length"), (["--stop", "pear"], "stop"), (["--max-tokens", "50"], "end"), (["--beams", "2"], "end")],
    ids=["length", "stop", "end", "beams"],
)
def test_every_text_says_why_it_ends(options: list[str], reason: str, language_run: Path, slm: Slm) -> None:
    temperature = [] if "--beams" in options else ["--temperature", "0"]
    (found,) = texts_of(slm("generate", language_run, "--json", "--prompt", "ann", *temperature, *options))
    assert found["reason"] == reason


def test_the_recipe_has_a_section_for_it(language_run: Path, slm: Slm) -> None:
    Path("recipe.yaml").write_text("generate: {prompt: [ann], max_tokens: 3, temperature: 0}\n", encoding="utf-8")
    assert slm("generate", language_run, "--recipe", "recipe.yaml").stdout == "ann eats a pear\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--min-tokens", "9", "--max-tokens", "3"], "min_tokens (9) must be at most max_tokens (3)"),
        (["--samples", "2", "--temperature", "0"], "samples (2) would all be the same with temperature 0"),
        (["--stop", ""], "an empty text stands everywhere"),
        (["--top-p", "0"], "top_p is 0.0"),
    ],
    ids=["lengths", "samples", "stop", "share"],
)
def test_settings_that_mean_nothing_end_with_exit_code_2(options: list[str], message: str, language_run: Path, slm: Slm) -> None:
    result = slm("generate", language_run, *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_classifier_cannot_write(run: Path, slm: Slm) -> None:
    result = slm("generate", run, "--prompt", "a")
    assert result.exit_code == 3
    assert "was trained for task sentiment and cannot write. Pretrain a language model with `slm pretrain`." in result.stderr


def test_a_directory_that_is_nothing_of_ours_ends_with_exit_code_3(slm: Slm) -> None:
    Path("stranger").mkdir()
    result = slm("generate", "stranger")
    assert result.exit_code == 3
    assert "stranger is not a bundle or a run: it has no manifest.json" in result.stderr


def test_a_bundle_that_was_changed_is_refused(language_run: Path, slm: Slm, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(language_run / "bundle", tmp_path / "bundle")
    (tmp_path / "bundle" / "settings.json").write_text("{}", encoding="utf-8")
    result = slm("generate", "bundle")
    assert result.exit_code == 3
    assert "settings.json was changed: its sha256 is" in result.stderr
