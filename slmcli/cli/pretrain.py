"""`slm pretrain`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.backbones import BACKBONES
from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.language_model_config import PretrainSettings
from slmcli.objectives import OBJECTIVES

_BACKBONE_SETTINGS = tuple(BACKBONES.load(name) for name in BACKBONES.names() if name != "bag")


@click.command(name="pretrain")
@click.argument("dataset", type=click.Path(path_type=Path), required=False)
@settings_options(PretrainSettings, *_BACKBONE_SETTINGS, choices={"objective": OBJECTIVES.names()}, leave_out=("causal",))
@click.option("--out", type=click.Path(path_type=Path), help="run directory  [default: WORK/language-model/run]")
@common_options(resumes=True)
def command(
    dataset: Path | None, out: Path | None, work: Path, recipe: Path | None, data_dir: str | None, resume: bool, overwrite: bool, as_json: bool,
    quiet: bool, verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Train a language model on the texts of DATASET, whatever it was made for.

    The first Ctrl-C finishes the step, saves, and ends with exit code 130; go on with --resume. The second ends at once.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    values, source = gather("pretrain", flags, recipe, data_dir)
    path = locate(dataset, work, ["dataset"], task="language-model", made_by="preprocess --task language-model")
    result = execute(values, source, path, out or work / "language-model" / "run", resume=resume, overwrite=overwrite, quiet=quiet)
    if as_json:
        print_json(result)
    else:
        show(result)


def execute(
    values: Mapping[str, Any], source: str, dataset: Path, out: Path, *, resume: bool, overwrite: bool, quiet: bool, is_alone: bool = True
) -> dict[str, Any]:
    """Train unless it is done, with the threads of a process in which nothing else is trained where that is so."""
    from slmcli.cli.display import shown_training
    from slmcli.pretraining import pretrain

    return shown_training(partial(pretrain, is_alone=is_alone), dataset, values, out, source=source, resume=resume, overwrite=overwrite, quiet=quiet)


def show(result: Mapping[str, Any]) -> None:
    """Print what was trained."""
    if result.get("up_to_date"):
        click.echo(f"{result['run']} is up to date.")
        return
    click.echo(
        f"{result['run']}: {result['objective']}, {result['backbone']}, {result['epochs']:g} passes, {result['seconds']:.0f} s, "
        f"{result['tokens_per_second']:,.0f} tokens/s, {result['parameters']:,} parameters"
    )
    scores, intervals = result["scores"], result["intervals"]
    if not scores:
        click.echo("There are no validation texts to judge it by.")
        return
    low, high = intervals["perplexity"]
    bits = f", {scores['bits_per_character']:.3f} bits a character" if "bits_per_character" in scores else ""
    click.echo(
        f"Best of {result['validations']} judgements, on validation: perplexity {scores['perplexity']:.2f} a token "
        f"(95 % interval {low:.2f} to {high:.2f}){bits}"
    )
