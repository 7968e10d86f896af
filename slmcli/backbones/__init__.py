"""Backbones: token ids to one vector a position."""

from slmcli.registry import Registry

BACKBONES = Registry(
    "backbone",
    {
        "bag": "slmcli.backbones.bag:Bag",
        "conv": "slmcli.backbones.conv:Conv",
        "lstm": "slmcli.backbones.lstm:Lstm",
        "gru": "slmcli.backbones.gru:Gru",
        "minrnn": "slmcli.backbones.minrnn:Minrnn",
        "transformer": "slmcli.backbones.transformer:Transformer",
    },
)
