"""What a text consists of before any vocabulary is looked at: patterns of pretokens."""

# Han characters stand without spaces between words
HAN = r"\u3400-\u9fff\uf900-\ufaff"
_WORD = rf"[^\W{HAN}]"  # any other character of a word; as one class it is found in two thirds of the time of a lookahead for each
# our choice: Han characters one by one (no spaces between words), words with inner apostrophes, then single signs
# (the lookahead keeps the possessive group from failing half-way, after which Python before 3.11.5 goes on behind the apostrophe)
WORD_PATTERN = rf"[{HAN}]|{_WORD}++(?:(?=['’]{_WORD})['’]{_WORD}++)*+|[^\w\s]"
# our choice: words, runs of Han characters and runs of signs, each with the space before it, none longer than a line; every
# character of a text belongs to exactly one of them, so that joined they are the text
LOSSLESS_PATTERN = rf" ?{_WORD}{{1,64}}| ?[{HAN}]{{1,16}}| ?[^\w\s]{{1,16}}|\s+"
