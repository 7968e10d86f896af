"""`slm run`."""

from pathlib import Path
from typing import Any  # Any: settings as they come from a file

import click

from slmcli.cli import evaluate, export, finetune, generate, predict, preprocess, pretrain
from slmcli.cli.options import refuse_both, set_up_logging
from slmcli.config import EvaluateSettings, ExportSettings, PredictSettings, PreprocessSettings, build
from slmcli.formats import FORMATS
from slmcli.language_model_config import GenerateSettings, PretrainSettings
from slmcli.recipe_files import read_recipe
from slmcli.tasks import TASKS


@click.command(name="run")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--data-dir", help="what replaces {data} in the recipe")
@click.option("--work", type=click.Path(path_type=Path), envvar="SLM_WORK", default="work", help="where outputs go  [default: work]")
@click.option("--resume", is_flag=True, help="go on with an unfinished training")
@click.option("--overwrite", is_flag=True, help="run every stage again")
@click.option("--quiet", "-q", is_flag=True, help="say nothing but results and errors")
@click.option("--verbose", "-v", is_flag=True, help="say more")
@click.option("--debug", is_flag=True, help="show a traceback for every error")
def command(recipe: Path, data_dir: str | None, work: Path, resume: bool, overwrite: bool, quiet: bool, verbose: bool, debug: bool) -> None:
    """Run every stage of RECIPE in order: preprocess, pretrain, finetune, evaluate, export, predict, generate.

    Stages that are up to date are skipped; all settings are checked before the first stage starts.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    sections = read_recipe(recipe, data=data_dir)
    run_stages(sections, str(recipe), work, resume=resume, overwrite=overwrite, quiet=quiet)


def run_stages(sections: dict[str, dict[str, Any]], source: str, work: Path, *, resume: bool, overwrite: bool, quiet: bool) -> None:
    """Run the stages that the recipe has sections for."""
    from slmcli.branch_settings import split_fields, split_settings
    from slmcli.exporting import check_format
    from slmcli.gates import check_gates

    refuse_both(resume=resume, overwrite=overwrite)
    sections = {name: {key: value for key, value in values.items() if value is not None} for name, values in sections.items()}
    preparing = build(PreprocessSettings, sections.get("preprocess", {}), source=f"{source}: preprocess")
    place, pretrained = work / preparing.task, work / preparing.task / ("pretrained" if "finetune" in sections else "run")
    training = {"task": preparing.task, **({"init_from": str(pretrained)} if "pretrain" in sections else {}), **sections.get("finetune", {})}
    backbone = split_settings(training, source=f"{source}: finetune").settings.backbone
    build(PretrainSettings, split_fields(sections.get("pretrain", {}), PretrainSettings, source=f"{source}: pretrain")[0], source=source)
    judging = build(EvaluateSettings, sections.get("evaluate", {}), source=f"{source}: evaluate")
    exporting = build(ExportSettings, sections.get("export", {}), source=f"{source}: export")
    predicting = build(PredictSettings, sections.get("predict", {}), source=f"{source}: predict")
    writing = build(GenerateSettings, sections.get("generate", {}), source=f"{source}: generate")
    FORMATS.load(exporting.format)
    check_gates(judging.require, TASKS.load(preparing.task))
    if "export" in sections:
        check_format(backbone, exporting.format)
    how: dict[str, Any] = {"resume": resume, "overwrite": overwrite, "quiet": quiet}
    if "preprocess" in sections:
        _title("preprocess")
        preprocess.show(preprocess.execute(preparing, place / "dataset", overwrite=overwrite))
    if "pretrain" in sections:
        _title("pretrain")
        pretrain.show(
            pretrain.execute(sections["pretrain"], f"{source}: pretrain", place / "dataset", pretrained, is_alone="finetune" not in sections, **how)
        )
    if "finetune" in sections:
        _title("finetune")
        finetune.show(finetune.execute(training, f"{source}: finetune", place / "dataset", place / "run", **how))
    if "evaluate" in sections:
        _title("evaluate")
        evaluate.execute(judging, place / "run", dataset=None, out=None, as_json=False)
    if "export" in sections:
        _title("export")
        export.show(export.execute(exporting, place / "run", place / "export", work, dataset=None, overwrite=overwrite))
    if predicting.texts or predicting.input:
        _title("predict")
        predict.show(predict.execute(predicting, place / ("export" if "export" in sections else "run")))
    if "generate" in sections:
        _title("generate")
        generate.execute(writing, pretrained, as_json=False)


def _title(stage: str) -> None:
    click.secho(f"\n== {stage}", bold=True)
