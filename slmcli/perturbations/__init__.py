"""Perturbations: small changes of a text that a model should stand, or follow."""

from slmcli.registry import Registry

PERTURBATIONS = Registry(
    "perturbation",
    {
        "typos": "slmcli.perturbations.typos:TYPOS",
        "homophones": "slmcli.perturbations.homophones:HOMOPHONES",
        "lower_case": "slmcli.perturbations.case:LOWER_CASE",
        "upper_case": "slmcli.perturbations.case:UPPER_CASE",
        "no_punctuation": "slmcli.perturbations.punctuation:NO_PUNCTUATION",
        "doubled_punctuation": "slmcli.perturbations.punctuation:DOUBLED_PUNCTUATION",
        "width": "slmcli.perturbations.width:WIDTH",
        "word_order": "slmcli.perturbations.word_order:WORD_ORDER",
        "synonyms": "slmcli.perturbations.synonyms:SYNONYMS",
        "url": "slmcli.perturbations.url:URL",
        "mention": "slmcli.perturbations.mention:MENTION",
        "emoji": "slmcli.perturbations.emoji:EMOJI",
        "markup": "slmcli.perturbations.markup:MARKUP",
        "neutral_sentence": "slmcli.perturbations.neutral_sentence:NEUTRAL_SENTENCE",
        "white_space": "slmcli.perturbations.white_space:WHITE_SPACE",
        "line_ends": "slmcli.perturbations.line_ends:LINE_ENDS",
        "traditional": "slmcli.perturbations.traditional:TRADITIONAL",
        "negation": "slmcli.perturbations.negation:NEGATION",
    },
)
