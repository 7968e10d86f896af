"""The sections of a recipe: one for each command that has settings."""

from slmcli.config import EvaluateSettings, ExportSettings, FinetuneSettings, PredictSettings, PreprocessSettings, Settings
from slmcli.language_model_config import GenerateSettings, PretrainSettings

SECTIONS: dict[str, type[Settings]] = {
    "preprocess": PreprocessSettings,
    "pretrain": PretrainSettings,
    "finetune": FinetuneSettings,
    "evaluate": EvaluateSettings,
    "export": ExportSettings,
    "predict": PredictSettings,
    "generate": GenerateSettings,
}
