"""The sections of a recipe: one for each command that has settings."""

from slmcli.config import EvaluateSettings, ExplainSettings, ExportSettings, PredictSettings, PreprocessSettings, Settings
from slmcli.language_model_config import GenerateSettings, PretrainSettings
from slmcli.training_config import FinetuneSettings

SECTIONS: dict[str, type[Settings]] = {
    "preprocess": PreprocessSettings,
    "pretrain": PretrainSettings,
    "finetune": FinetuneSettings,
    "evaluate": EvaluateSettings,
    "export": ExportSettings,
    "predict": PredictSettings,
    "explain": ExplainSettings,
    "generate": GenerateSettings,
}

# `slm init` does not write them and `slm run` passes over them: their command alone reads them, with --recipe
NO_STAGES = frozenset({"explain"})
