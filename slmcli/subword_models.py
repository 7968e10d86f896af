"""Models of subwords, trained from counts of words in place of running text; what they give is a Hugging Face model as JSON.

Every function gives the same model in every process. Byte pairs and word pieces are trained by Hugging Face `tokenizers`, unigrams
by `sentencepiece`, because the trainer of `tokenizers` adds probabilities in an order that differs from process to process.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any  # Any: Hugging Face's models and their JSON

# our choice: strings of about this many characters are handed over at a time
_PIECE_CHARACTERS = 1_000_000
CONTINUING_PREFIX = "##"
BYTE_ENTRIES = tuple(f"<0x{byte:02X}>" for byte in range(256))
# the longest word that is looked up, as in the released BERT; a longer one is unknown
_MOST_CHARACTERS_OF_A_WORD = 100
# characters that the trainer of unigrams or its lists of words give a meaning, each replaced by one that no text should hold
_HIDDEN = {character: chr(0x100000 + number) for number, character in enumerate(" \t\n\r\0\u2581\u2585")}
_SHOWN = str.maketrans({hidden: character for character, hidden in _HIDDEN.items()})
# our choice: at most this share of the pieces are single characters, so that there is room for longer ones
_MOST_CHARACTERS = 0.5
# our choice: vocabularies depend on relative counts; beyond this many words the counts are scaled down
_MOST_WORDS = 200_000_000


def byte_alphabet() -> list[str]:
    """Return a printable character for every byte, those of printable Latin-1 for themselves, others from U+0100 on.

    Source: Radford et al. 2019 (GPT-2), the released encoder; the alphabet of the `ByteLevel` parts of `tokenizers`.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def train_byte_pairs(counts: Mapping[str, int], *, vocabulary_size: int, min_frequency: int, special_tokens: Sequence[str]) -> dict[str, Any]:
    """Return a byte-pair model, trained on words spelled in the byte alphabet.

    Training counts the words of its text and works on the counts, so that every word repeated as often as it was counted is
    as good as the text itself, and faster to read.

    Args:
        counts: Words, without spaces or line ends in them, and how often each occurs.
        vocabulary_size: Most entries, special tokens included; the 256 bytes are always there.
        min_frequency: Occurrences that a pair needs to be merged.
        special_tokens: The first entries.
    """
    size = {"vocab_size": vocabulary_size, "min_frequency": min_frequency}
    return _merge(counts, special_tokens=list(special_tokens), initial_alphabet=byte_alphabet(), **size)


def _merge(counts: Mapping[str, int], **options: Any) -> dict[str, Any]:
    """Return a model of byte pairs with these options of its trainer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trainer = trainers.BpeTrainer(show_progress=False, **options)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.CharDelimiterSplit(" ")
    tokenizer.train_from_iterator(_repeat(counts), trainer)
    return json.loads(tokenizer.to_str())["model"]


def _repeat(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield every word as often as it was counted, in the order of the words."""
    scale = max(1, -(-sum(counts.values()) // _MOST_WORDS))
    for word in sorted(counts):
        count = max(1, counts[word] // scale)
        at_once = max(1, _PIECE_CHARACTERS // (len(word) + 1))
        for start in range(0, count, at_once):
            yield (word + " ") * min(at_once, count - start)


def train_word_pieces(counts: Mapping[str, int], *, vocabulary_size: int, min_frequency: int, special_tokens: Sequence[str]) -> dict[str, Any]:
    """Return a word-piece model.

    Pieces are merged as byte pairs are, by how often they stand side by side, which is what the trainer of `tokenizers` does. Its
    continuing characters, such as `##a`, get their ids in an order that differs from process to process, and ids decide between
    pairs that are equally frequent; here all characters stand in the vocabulary before training, in an order of their own.

    Args:
        counts: Words, without spaces or line ends in them, and how often each occurs.
        vocabulary_size: Most entries, special tokens included.
        min_frequency: Occurrences that a character needs to enter the vocabulary, and a pair to be merged.
        special_tokens: The first entries; the second one is that of unknown words.
    """
    entries = _characters_of_words(counts, min_frequency=min_frequency, room=vocabulary_size - len(special_tokens))
    known = set(entries)
    words = {word: count for word, count in counts.items() if known.issuperset(word)}
    merged = _merge(
        words,
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=[*special_tokens, *entries],
        continuing_subword_prefix=CONTINUING_PREFIX,
    )
    return {
        "type": "WordPiece",
        "unk_token": special_tokens[1],
        "continuing_subword_prefix": CONTINUING_PREFIX,
        "max_input_chars_per_word": _MOST_CHARACTERS_OF_A_WORD,
        "vocab": merged["vocab"],
    }


def _characters_of_words(counts: Mapping[str, int], *, min_frequency: int, room: int) -> list[str]:
    """Return the frequent characters, each also as a continuing one when it is one: by falling frequency, equal ones by name."""
    continuing = {character for word in counts for character in word[1:]}
    entries: list[str] = []
    for character in _frequent_characters(counts, min_frequency):
        forms = [character, CONTINUING_PREFIX + character] if character in continuing else [character]
        if len(entries) + len(forms) > room:
            break
        entries += forms
    return entries


def _frequent_characters(counts: Mapping[str, int], min_frequency: int) -> list[str]:
    """Return the characters that occur often enough, by falling frequency, equal ones by name."""
    characters: Counter[str] = Counter()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
    frequent = [character for character, count in characters.items() if count >= min_frequency]
    return sorted(frequent, key=lambda character: (-characters[character], character))


def train_unigrams(counts: Mapping[str, int], *, vocabulary_size: int, min_frequency: int, special_tokens: Sequence[str]) -> dict[str, Any]:
    """Return a unigram model that spells in bytes what its pieces cannot spell.

    Args:
        counts: Words, of any characters, and how often each occurs.
        vocabulary_size: Most entries, special tokens included; the 256 bytes are always there.
        min_frequency: Occurrences that a character needs to be a piece or part of one.
        special_tokens: The first entries; the second one is that of unknown characters.
    """
    first = [*special_tokens, *BYTE_ENTRIES]
    size = vocabulary_size - len(first)
    alphabet = [character for character in _frequent_characters(counts, min_frequency) if ord(character) not in _SHOWN]
    alphabet = alphabet[: max(0, int(size * _MOST_CHARACTERS))]
    words = _spellable(counts, set(alphabet))
    pieces = _train_sentencepieces(words, size) if words else []
    return {"type": "Unigram", "unk_id": 1, "byte_fallback": True, "vocab": [*([entry, 0.0] for entry in first), *pieces]}


def _spellable(counts: Mapping[str, int], alphabet: set[str]) -> Counter[str]:
    """Return the parts of words that an alphabet can spell, with what the trainer gives a meaning hidden."""
    different = {character for word in counts for character in word}
    spelling = str.maketrans({character: _HIDDEN.get(character, character) if character in alphabet else " " for character in different})
    parts: Counter[str] = Counter()
    for word, count in counts.items():
        for part in word.translate(spelling).split(" "):
            if part:
                parts[part] += count
    return parts


def _train_sentencepieces(counts: Mapping[str, int], size: int) -> list[list[Any]]:
    """Return pieces and the logarithms of their probabilities, at most `size`."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(f"{word}\t{counts[word]}" for word in sorted(counts)),
        input_format="tsv",
        model_writer=model,
        model_type="unigram",
        vocab_size=size + 1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_unicode_script=False,
        split_by_number=False,
        max_sentence_length=1_000_000,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        num_threads=4,  # fixed, on every machine: the order of sums, and with it their last digits, depends on it
        minloglevel=2,
    )
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [[trained.id_to_piece(number).translate(_SHOWN), trained.get_score(number)] for number in range(1, trained.get_piece_size())]


def load(model: Mapping[str, Any]) -> Any:
    """Return the Hugging Face model of its JSON; `model.tokenize(word)` splits a word."""
    from tokenizers import Tokenizer

    document: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
    }
    return Tokenizer.from_str(json.dumps({**document, "truncation": None, "padding": None, "model": model})).model
