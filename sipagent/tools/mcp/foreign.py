"""Words of others: cleaned and cut before a model reads them or a caller hears them. Pure."""

import unicodedata

#: characters
DESCRIPTION, ARGUMENT, SPOKEN = 600, 200, 160


def cleaned(text: str, most: int) -> str:
    """One line without control, format and other invisible characters, `most` long at the most."""
    seen = "".join(
        " " if char.isspace() else char
        for char in text[: most * 4]
        if char.isspace() or not unicodedata.category(char).startswith("C")
    )
    line = " ".join(seen.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
