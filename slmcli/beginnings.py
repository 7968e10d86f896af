"""What a training begins with: the weights of another model, or the vectors of a file."""

from dataclasses import replace
from pathlib import Path

from slmcli.adaptation import parse_adaptation
from slmcli.base_model import WORDS, open_base, take_over
from slmcli.branch_settings import AUTO, Plan, branch_names, build_branches
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError
from slmcli.presets import choose
from slmcli.vector_files import look_at_vectors


def begin_with_base(plan: Plan, dataset: Dataset) -> Plan:
    """Return the plan with the branch of what it begins with, in the place of any other that reads tokens in their order."""
    adaptation = parse_adaptation(plan.settings.train)
    if plan.settings.init_from is None:
        if adaptation.name != "all":
            raise ConfigError(f"{plan.source}: --train {adaptation} trains few weights of a model that has learned something. Pass --init-from RUN.")
        if plan.settings.gradual_unfreezing:
            raise ConfigError(f"{plan.source}: --gradual-unfreezing is for a model whose layers have learned something. Pass --init-from RUN.")
        return plan
    base = open_base(Path(plan.settings.init_from), dataset)
    if plan.settings.vectors is not None or plan.settings.initial_embedding not in (None, "uniform"):
        began = f"--vectors {plan.settings.vectors}" if plan.settings.vectors else f"--initial-embedding {plan.settings.initial_embedding}"
        raise ConfigError(f"{plan.source}: token vectors begin with those of --init-from, so {began} has no meaning. Leave one of them out.")
    names = branch_names(plan.settings.backbone, source=plan.source) if plan.settings.backbone != AUTO else []
    if base.backbone == WORDS:
        if names == ["bag"]:
            raise ConfigError(
                f"{plan.source}: {base.path} has vectors of words, and a bag has none. Pass another --backbone, or leave --init-from out."
            )
        if adaptation.name != "all":
            raise ConfigError(f"{plan.source}: --train {adaptation} is for layers, and {base.path} has vectors of words alone. Leave it out.")
        asked_of_branches = take_over(base, plan.asked, source=plan.source)
        settings = plan.settings.model_copy(update={"initial_embedding": "uniform"})
        branches = build_branches(names, asked_of_branches, source=plan.source) if names else plan.branches
        return replace(plan, settings=settings, asked=asked_of_branches, branches=branches, base=base)
    if names and base.backbone not in names:
        asked = f"--backbone {plan.settings.backbone}"
        raise ConfigError(f"{plan.source}: --init-from {base.path} has backbone {base.backbone}, not among {asked}. Name it, or leave that out.")
    if not names:
        others = choose(plan.settings.preset, dataset).branches if adaptation.name == "all" else ()
        names = [*(name for name in others if name == "bag"), base.backbone]
    if adaptation.name != "all" and (names != [base.backbone] or (plan.settings.ensemble or 1) > 1):
        raise ConfigError(f"{plan.source}: --train {adaptation} is for one {base.backbone} by itself. Leave --backbone and --ensemble out.")
    if adaptation.name != "all" and (plan.settings.freeze_embedding or plan.asked.get("subword_buckets")):
        raise ConfigError(f"{plan.source}: --train {adaptation} says what of the token vectors is trained. Leave --freeze-embedding and such out.")
    asked_of_branches = take_over(base, plan.asked, source=plan.source)
    settings = plan.settings.model_copy(update={"backbone": "+".join(names), "initial_embedding": "uniform"})
    branches = build_branches(names, asked_of_branches, source=plan.source)
    return replace(plan, settings=settings, asked=asked_of_branches, branches=branches, base=base, reason=f"begun with {base.path}")


def begin_with_vectors(plan: Plan) -> Plan:
    """Find out how wide the vectors are that token vectors begin with, if there are any; their place is then known from every directory.

    Raises:
        ConfigError: Token vectors of another width were asked for.
    """
    if plan.settings.vectors is None:
        return plan
    found = look_at_vectors(Path(plan.settings.vectors).resolve())
    if plan.asked.get("embedding") not in (None, found.width):
        raise ConfigError(
            f"{plan.source}: --embedding {plan.asked['embedding']} contradicts --vectors {plan.settings.vectors}, whose vectors have {found.width} "
            "values. Leave --embedding out."
        )
    return replace(plan, settings=plan.settings.model_copy(update={"vectors": str(found.path)}), vectors=found)
