"""Objectives: what is learned from texts that nobody has labelled."""

from slmcli.registry import Registry

OBJECTIVES = Registry(
    "objective",
    {
        "causal-lm": "slmcli.objectives.causal_lm:CausalLanguageModel",
        "masked-lm": "slmcli.objectives.masked_lm:MaskedLanguageModel",
        "masked-lm+nsp": "slmcli.objectives.masked_lm:MaskedAndNextSentence",
        "skip-gram": "slmcli.objectives.word_vectors:SkipGram",
        "cbow": "slmcli.objectives.word_vectors:Cbow",
        "fastsent": "slmcli.objectives.word_vectors:FastSent",
    },
)
