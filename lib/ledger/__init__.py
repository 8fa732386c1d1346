"""The ledger: every number and checkable statement of the thesis beside what this project computes for it.

A row of ``claims/*.yaml`` says where a number stands, what it says, how it is printed and which check
computes it; it never says how the check ends. ``judge`` runs the checks on what a run offers and
computes the verdicts::

    rows = ledger.claims()
    frame = ledger.judge(rows, ledger.Evidence(prices, rows))

From a verdict to its code: column ``how`` names the function. Back: ``by_check`` lists the rows of
each function. ``python -m lib.ledger row ID`` and ``check FUNCTION`` do both. Places are looked up in the thesis's text
by :mod:`lib.ledger.thesis_text`.
"""

from lib.ledger.evidence import Evidence, Missing
from lib.ledger.figure import printed_and_reproduced
from lib.ledger.findings import findings, in_words, replays_in_words
from lib.ledger.rows import LedgerError, Row, claims
from lib.ledger.run_tables import collect
from lib.ledger.trace import error_rate, file_of, functions, read
from lib.ledger.verdicts import MEANINGS, VERDICTS, by_check, judge, summary

__all__ = [
    "MEANINGS",
    "VERDICTS",
    "Evidence",
    "LedgerError",
    "Missing",
    "Row",
    "by_check",
    "error_rate",
    "collect",
    "file_of",
    "findings",
    "functions",
    "in_words",
    "judge",
    "claims",
    "printed_and_reproduced",
    "read",
    "replays_in_words",
    "summary",
]
