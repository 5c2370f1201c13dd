"""How a change's name is cleaned, compared and addressed. Pure text: no database in here.

Two names are one when only case, hyphens, underscores, spaces or punctuation differ. Names are refused, never
silently shortened or repaired.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from django.utils.text import slugify

from direction_commons.errors import UserError

MIN_LENGTH, MAX_LENGTH = 2, 60
# Beside letters, marks and digits. Everything else (emoji, control and direction-changing characters) is
# refused: it cannot be typed again by the next person, or makes two different names look the same.
_ALLOWED_MARKS = set(" -_'’().,/&+")
_ALLOWED_CATEGORIES = ("L", "M", "N")
# Letters and marks that show nothing (Unicode's Default_Ignorable_Code_Point among L and M).
_INVISIBLE = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def name_clean(name: str) -> str:
    """The name as shown: NFKC, single spaces. Raises UserError for one that cannot be a name."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", name)).strip()
    odd = sorted(
        {
            c
            for c in text
            if (c not in _ALLOWED_MARKS and unicodedata.category(c)[0] not in _ALLOWED_CATEGORIES)
            or _INVISIBLE.match(c)
        }
    )
    if odd:
        raise UserError(
            "semantics:characters",
            f"The name holds {_shown(odd)}; letters, digits, spaces and - ' ( ) . , / & + are wanted.",
            "Say what changed in plain words, such as “longer hair”.",
        )
    if len(text) > MAX_LENGTH:
        raise UserError(
            "semantics:too-long",
            f"The name has {len(text)} characters; at most {MAX_LENGTH} are wanted.",
            "Say what changed in one to three words.",
        )
    bare = name_normalise(text)
    if len(bare) < MIN_LENGTH or not any(unicodedata.category(c)[0] == "L" for c in bare):
        raise UserError(
            "semantics:too-short",
            f"“{text}” is no name; at least {MIN_LENGTH} characters, letters among them, are wanted.",
            "Say what changed in a word, such as “smile”.",
        )
    return text


def name_normalise(name: str) -> str:
    """What makes two names one: NFKC, casefolded, hyphens and underscores as spaces, no punctuation."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    spaced = re.sub(r"[\s\-_/&+]+", " ", text)
    kept = "".join(c for c in spaced if c == " " or unicodedata.category(c)[0] in _ALLOWED_CATEGORIES)
    return re.sub(r" +", " ", kept).strip()


def slug_candidates(normalised: str) -> tuple[str, str]:
    """The address wanted, and the one taken when another name has it. ASCII, at most 80 characters."""
    digest = hashlib.sha256(normalised.encode()).hexdigest()[:8]
    base = slugify(normalised)[:60].strip("-")
    return (base, f"{base}-{digest}") if base else (f"change-{digest}", f"change-{digest}")


def name_trigrams(normalised: str) -> list[str]:
    """Three-letter pieces of each word, padded as pg_trgm does: "  s", " sm", "smi", ... , "le "."""
    pieces = {
        padded[i : i + 3]
        for word in normalised.split(" ")
        if word
        for padded in (f"  {word} ",)
        for i in range(len(padded) - 2)
    }
    return sorted(pieces)


def _shown(characters: list[str]) -> str:
    return ", ".join(
        f"“{c}”" if c.isprintable() and not _INVISIBLE.match(c) else f"the invisible character U+{ord(c):04X}"
        for c in characters[:5]
    )
