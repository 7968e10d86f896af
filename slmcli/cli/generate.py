"""`slm generate`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.config import build
from slmcli.errors import ConfigError
from slmcli.language_model_config import GenerateSettings


@click.command(name="generate")
@click.argument("target", metavar="RUN|BUNDLE", type=click.Path(path_type=Path), required=False)
@settings_options(GenerateSettings)
@common_options(writes=False)
def command(
    target: Path | None, work: Path, recipe: Path | None, data_dir: str | None, as_json: bool, quiet: bool, verbose: bool, debug: bool, **flags: Any
) -> None:
    """Let a language model continue texts; a single one appears as it is written.

    With --json: one object with all of them under `texts`: prompt, text, and reason, which is end, stop or length.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    values, source = gather("generate", flags, recipe, data_dir)
    settings = build(GenerateSettings, values, source=source)
    execute(settings, locate(target, work, ["run"], task="language-model", made_by="pretrain"), as_json=as_json)


def execute(settings: GenerateSettings, target: Path, *, as_json: bool) -> None:
    """Write and print."""
    from slmcli.bundle import open_language_bundle
    from slmcli.writing import Writer, check_prompts

    bundle = open_language_bundle(target)
    prompts = check_prompts(list(_prompts(settings)), bundle.tokenizer)
    writer = Writer(bundle, threads=settings.threads)
    if as_json:
        print_json({"texts": [text for prompt in prompts for text in _complete(writer, prompt, settings)]})
        return
    for number, prompt in enumerate(prompts):
        if number:
            click.echo()
        _show(writer, prompt, settings)


def _prompts(settings: GenerateSettings) -> Iterator[str]:
    """Yield the prompts that were given, else an empty one."""
    from slmcli.text_files import read_lines

    yield from settings.prompt
    if settings.prompts is not None:
        lines = [line.rstrip("\r\n") for line in read_lines(Path(settings.prompts), "utf-8")]
        if not any(lines):
            raise ConfigError(f"--prompts {settings.prompts}: there is no prompt in it. Put one on each line.")
        yield from lines
    elif not settings.prompt:
        yield ""


def _complete(writer: Any, prompt: str, settings: GenerateSettings) -> list[dict[str, str]]:
    texts: dict[int, dict[str, str]] = {}
    for piece in writer.write(prompt, settings):
        found = texts.setdefault(piece.sample, {"prompt": prompt, "text": "", "reason": ""})
        found["text"] += piece.text
        found["reason"] = piece.reason or found["reason"]
    return [texts[sample] for sample in sorted(texts)]


def _show(writer: Any, prompt: str, settings: GenerateSettings) -> None:
    """Print each text behind its prompt, with an empty line between two."""
    if settings.samples > 1:
        click.echo("\n\n".join(prompt + text["text"] for text in _complete(writer, prompt, settings)))
        return
    click.echo(prompt, nl=False)
    for piece in writer.write(prompt, settings):
        click.echo(piece.text, nl=False)
        sys.stdout.flush()
    click.echo()
