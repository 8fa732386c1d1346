"""Currencies that a price file names: US dollars are wanted, and what names another one is found here.

Stablecoins that follow the dollar count as dollars, as exchanges quote most coins in them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MONEY = """EUR GBP JPY CNY CNH CHF CAD AUD NZD KRW INR BRL RUB TRY PLN SEK NOK DKK CZK HUF RON ZAR MXN ARS CLP COP SGD
HKD TWD THB IDR MYR PHP VND UAH ILS AED SAR NGN KES PKR"""
_COINS = """BTC XBT ETH BNB XRP ADA SOL DOGE LTC BCH DOT TRX AVAX LINK XLM XMR ETC ATOM UNI SHIB TON NEAR EOS DASH ZEC
MATIC BITCOIN ETHEREUM CARDANO SOLANA RIPPLE DOGECOIN LITECOIN"""
DOLLARS = ("USD", "USDT", "USDC", "BUSD", "TUSD", "FDUSD", "USDP", "PYUSD", "GUSD", "DAI")
MONEY, COINS = frozenset(_MONEY.split()), frozenset(_COINS.split())
_USUAL = ("EUR", "GBP", "JPY", "KRW", "BRL", "AUD", "CHF")  # behind any coin; NEUTRON is no pair in Romanian money
# signs and words -> how the currency is called
_WORDS = {
    **{
        "EURO": "EUR",
        "EUROS": "EUR",
        "YEN": "JPY",
        "RUPEES": "INR",
        "RUBLES": "RUB",
        "STERLING": "GBP",
        "POUNDS": "GBP",
    },
    **{"SAT": "satoshis", "SATS": "satoshis", "SATOSHI": "satoshis", "SATOSHIS": "satoshis"},
    **{
        "CENT": "cents",
        "CENTS": "cents",
        "KUSD": "thousands of dollars",
        "THOUSAND": "thousands",
        "THOUSANDS": "thousands",
    },
}
# Currencies written out, in small letters without accents. A bare won, rand or real is also another word.
_ABROAD = {
    **{"austral": "AUD", "aussie": "AUD", "canad": "CAD", "kanad": "CAD", "hong ?kong": "HKD", "new zealand": "NZD"},
    **{"neuseeland": "NZD", "singap": "SGD", "taiwan": "TWD", "австрал": "AUD", "канад": "CAD", "гонконг": "HKD"},
}
_DOLLAR = r"(?:d[oó]ll?ar|доллар)\w*"
_SPELLED = {
    **{rf"\b(?:{land}\w*[\s-]+{_DOLLAR}|{_DOLLAR}\s+(?:de\s+)?{land})": code for land, code in _ABROAD.items()},
    **{r"\bfranken\b|\b(?:swiss|schweizer)\s+fran[ck]|\bfrancs?\s+suisse|\bfranchi\s+svizzeri": "CHF"},
    **{r"\bfrancos?\s+suizo|швеицарск\w+\s+франк": "CHF", r"\bz[łl]ot(?:y|ych|ego|e)\b": "PLN"},
    **{r"\bem\s+reais\b|\breal\s+brasileiro|\bbrazilian\s+rea": "BRL", r"\bрубл|\broubles?\b|\brubel\b": "RUB"},
    **{r"\bruble\b": "RUB", r"\bliras?\b|\bliras[ıi]\b": "TRY", r"\bkorean\s+won\b|원화": "KRW"},
    **{
        r"\byuan\b|\brenminbi\b|人民币": "CNY",
        "日本円": "JPY",
        r"\bевро\b|\bευρω\b": "EUR",
        r"\bpound\b|\bфунт": "GBP",
    },
    **{r"\brupee\b|\brupien?\b|\bрупи": "INR", r"\bгривн|\bhryvni": "UAH", r"\bforint": "HUF", r"\bkoruna?\b": "CZK"},
    **{r"\b(?:swedish|svenska|schwedische)\s+kron": "SEK", r"\b(?:norwegian|norske|norwegische)\s+kron": "NOK"},
    **{r"\b(?:danish|danske|danische)\s+kron": "DKK", r"\bsouth\s+african\s+rand\b": "ZAR", r"\bpesos?\b": "pesos"},
    **{r"\bbaht\b": "THB", r"\brupiah\b": "IDR", r"\bshekels?\b": "ILS", r"\bringgit\b": "MYR", r"\bnaira\b": "NGN"},
    **{r"\briyals?\b": "SAR", r"\bdirhams?\b": "AED", r"\bvietnamese\s+dong\b": "VND", r"\bromanian\s+le[ui]\b": "RON"},
}
_SIGNS = {"€": "EUR", "£": "GBP", "¥": "JPY or CNY", "₽": "RUB", "₹": "INR", "₩": "KRW", "₺": "TRY", "₿": "BTC"}
_OTHER_DOLLARS = re.compile(r"(?<![A-Za-z])(?!US\$)(?:[A-Z]{1,2}\$)")
_TOKEN = re.compile(r"[A-Za-z]+")
_PAIR = re.compile(r"(?P<base>[A-Za-z0-9]{2,12})(?P<mark>[/_-])(?P<quote>[A-Za-z]{2,6})")


def named(text: str, any_case: bool = True) -> str:
    """The currency other than the dollar that a text names; nothing if it names none.

    Args:
        text: a name of a column, a cell, or a line above the header.
        any_case: take small letters for codes, too, as in ``close_eur``; a sentence has them by chance.
    """
    for sign, what in _SIGNS.items():
        if sign in unicodedata.normalize("NFKC", text):
            return what
    if found := _OTHER_DOLLARS.search(text):
        return found[0]
    apart = re.sub(r"(?<=[a-z])(?=[A-Z]{3}\b)", " ", text)  # PriceEUR
    for token in _TOKEN.findall(f"{text} {apart}"):
        if token.upper() in MONEY and (any_case or token.isupper()):
            return token.upper()
        if token.upper() in _WORDS and (any_case or token.upper() != "SAT"):  # a sentence has Saturdays
            return _WORDS[token.upper()]
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    plain = unicodedata.normalize("NFC", plain)  # Korean syllables
    return next((code for words, code in _SPELLED.items() if re.search(words, plain)), "")


def mentioned(text: str) -> str:
    """The currency other than the dollar in a cell of free text, as a word or as the quote of a pair; else nothing.

    Small letters count only in a cell of one word, since a sentence has codes and ends of pairs by chance.
    """
    words = [word.strip(".,;()[]\"'") for word in text.split()]
    pairs = [word for word in words if _PAIR.fullmatch(word.rpartition(":")[2])]
    for word in words:
        other = quote(word) if word in pairs or word.isupper() else ""
        if other in MONEY | COINS:
            return other
    return named(
        " ".join(word for word in words if word not in pairs), any_case=len(words) == 1 and text.upper() != "SAT"
    )


def in_name(text: str) -> str:
    """The currency behind the name of a coin, as in Bitcoin EUR; Stasis Euro is a coin itself."""
    last = text.split()[1:][-1:]
    return last[0] if last and last[0] in MONEY else ""


def quote(text: str) -> str:
    """The currency other than the dollar in which a pair such as BTC/EUR or ETHBTC is quoted; else nothing.

    BTC-EUR and btc_eur are such pairs as well; BTC-PERP, bitcoin-cash and WBTC are none.
    """
    pair = text.strip().rpartition(":")[2]  # an exchange may stand in front
    if found := _PAIR.fullmatch(pair):
        other = found["quote"].upper()
        known = other in MONEY or other in COINS or found["mark"] == "/"
        return other if known and other not in DOLLARS else ""
    code = pair.upper()
    known = [o for o in sorted(MONEY | COINS) if code.endswith(o) and code.removesuffix(o) in COINS]
    known += [o for o in _USUAL if re.fullmatch(rf"[A-Z0-9]{{3,10}}{o}", code)]
    return known[0] if known else ""


def is_coin(text: str) -> bool:
    """Whether a column's name is that of a coin or a pair, such as BTC, ETH-USD or Close SOL."""
    words = re.split(r"[\s_/().-]+", text.strip(" ()").upper())
    return any(word in COINS or _is_dollar_pair(word) for word in words)


def several_pairs(cells: Iterable[str]) -> list[str]:
    """Pairs such as BTC-USD and ETH-USD in a column of nothing else; nothing if there is another cell."""
    held = list(dict.fromkeys(filter(None, cells)))
    return held if len(held) > 1 and all(_PAIR.fullmatch(c) or _is_dollar_pair(c.upper()) for c in held) else []


def _is_dollar_pair(code: str) -> bool:
    """Whether a code in capitals is one such as BTCUSDT; an amount such as 60911.54 USD is none."""
    ends = [dollar for dollar in DOLLARS if code.endswith(dollar) and len(code) > len(dollar) + 1]
    return any(re.fullmatch(r"[A-Z0-9]*[A-Z][A-Z0-9]*", code.removesuffix(dollar)) for dollar in ends)


def is_dollar_pair(text: str) -> bool:
    """Whether a text is nothing but a coin that is quoted in dollars, such as BTC-USD or btcusdt; EURUSD is none."""
    pair = _PAIR.fullmatch(text)
    known = pair["quote"].upper() in DOLLARS if pair else _is_dollar_pair(text.upper())
    return known and not any(text.upper().startswith(money) for money in (*MONEY, *DOLLARS))
