"""Texts on which ways from text to ids differ first: forms of Unicode, markup, white space, signs, scripts."""

HARD = [
    "The soup wasn't warm, it's COLD — don't!!!  ",
    "“Smart” quotes, rock’n’roll & R&amp;B, 5 &lt; 7 &notit; &#x1F600; &#0; <b>bold</b> <3 a<b and c>d",
    "İstanbul ΟΔΟΣ ﬁne Ⅷ ① ｆｕｌｌ－ｗｉｄｔｈ ½ ñ n\u0303 a\u0323\u0302 \u1112\u1161\u11ab 각",
    "这部电影很好看，房间不错😊👨‍👩‍👧 but 早餐太差了。",
    "line\r\nbreak\ttab\u00a0space\u3000wide\u200bzero \x00 nul \x85 next",
    "soooooo good!!!!!! 1000000 see https://example.org/a?b=c, me@example.org @you #tag 3.14 50% mp3",
    "&amp;quot;quoted&quot; #39;s quot;lost amp; lt;br gt;",
    "",
    "   ",
    "x" * 300,
    "a lone \ud83d half",
]
