"""Names in a header: which are the same name, and which are one with nothing added but the unit US dollars."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

# Close USD, close_usd, Close (US$), PriceUSD, Price in USD; a stablecoin counts as the dollar.
_IN_DOLLARS = re.compile(
    r"(?P<name>.*?[^\s_(\[-])(?:[\s_]+in(?=[\s_(]))?[\s_-]*[(\[]?(?:USDT|USDC|BUSD|USD|US\$|\$)[)\]]?", re.IGNORECASE
)


@lru_cache(4096)
def key(name: str) -> str:
    """A name as it is compared: without case, accents, spaces, underscores, hyphens, a footnote's stars, <> around, or
    the coin beside it in pandas's pairs such as ('Close', 'BTC-USD')."""
    pair = re.fullmatch(r"\('([^']+)', '[^']*'\)", name)
    text = pair[1] if pair else name.rstrip("*").strip("<>")
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    return re.sub(r"[\s_-]+", "", plain) or plain.strip()


def without_dollars(name: str) -> str:
    """A name without the unit US dollars behind it; the same name if it has none.

    A name of one letter keeps it, since C$ are Canadian dollars.
    """
    found = _IN_DOLLARS.fullmatch(name)
    return found["name"] if found and len(found["name"]) > 1 else name


def find(wanted: Sequence[str], names: Sequence[str], dollars: bool = False) -> list[int]:
    """Places of the header names that are one of those wanted, the preferred first. An unnamed one counts in front
    only.

    Args:
        wanted: names in the order of preference.
        names: the header.
        dollars: whether a name may have the unit US dollars behind it.
    """
    made = [{key(name), key(without_dollars(name) if dollars else name)} for name in names]
    places = [at for w in wanted for at, held in enumerate(made) if key(w) in held and (names[at] or not at)]
    return list(dict.fromkeys(places))


def like(patterns: Sequence[str], names: Sequence[str]) -> list[int]:
    """Places of the header names that fit patterns in which ``*`` stands for any text; for columns that are not
    read."""
    made = [(at, key(name)) for at, name in enumerate(names) if name or not at]
    return list(dict.fromkeys(at for p in patterns for at, held in made if fnmatchcase(held, _pattern(p))))


def _pattern(text: str) -> str:
    return "*".join(key(part) if part else "" for part in text.split("*"))
