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
        if token.upper() in _WORDS:
            return _WORDS[token.upper()]
    return ""


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
    return any(code.endswith(dollar) and len(code) > len(dollar) + 1 for dollar in DOLLARS)
