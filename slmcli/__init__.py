"""Small language models: trained, judged and shipped on the machine you have."""

__version__ = "0.1.0"
