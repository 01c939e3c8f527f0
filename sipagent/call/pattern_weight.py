"""How heavy a regular expression is before anybody compiles it."""

import re

#: what counted repeats (`{1,50}`), one within the other, may come to: compiling has no time limit
HEAVIEST = 10_000
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[^()]*?[:=!>])?|\)|\{(\d{1,9})?(?:,(\d{1,9})?)?\}|.",
    re.DOTALL,
)


def weight(pattern: str) -> int:
    """How many items a pattern comes to when its counted repeats are written out."""
    sums, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text[0] == "(":
            sums.append(0)
            last = 0
        elif text[0] == ")":
            last = max(sums.pop(), 1) if len(sums) > 1 else 1
            sums[-1] += last
        elif text[0] == "{" and len(text) > 1:
            most = max(int(token[1] or 0), int(token[2] or 0), 1)
            sums[-1] += last * (most - 1)
            last *= most
        else:
            last = 1
            sums[-1] += 1
    return sum(sums)
