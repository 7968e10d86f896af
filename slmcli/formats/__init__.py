"""Formats: how a bundle holds its model."""

from slmcli.registry import Registry

FORMATS = Registry(
    "format",
    {
        "keras": "slmcli.formats.keras:KerasFormat",
        "litert": "slmcli.formats.litert:LitertFormat",
        "onnx": "slmcli.formats.onnx:OnnxFormat",
        "saved_model": "slmcli.formats.saved_model:SavedModelFormat",
    },
)
