"""Objectives: what is learned from texts that nobody has labelled."""

from slmcli.registry import Registry

OBJECTIVES = Registry(
    "objective",
    {
        "causal-lm": "slmcli.objectives.causal_lm:CausalLanguageModel",
    },
)
