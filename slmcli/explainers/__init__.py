"""Explainers: how much each word of a text counts for what a model says of it."""

from slmcli.registry import Registry

EXPLAINERS = Registry(
    "method",
    {
        "occlusion": "slmcli.explainers.occlusion:Occlusion",
        "lime": "slmcli.explainers.lime:Lime",
        "shap": "slmcli.explainers.shap:Shap",
        "integrated-gradients": "slmcli.explainers.integrated_gradients:IntegratedGradients",
        "attention": "slmcli.explainers.attention:Attention",
    },
)
