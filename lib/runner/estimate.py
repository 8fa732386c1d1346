"""How long it will still take: from an earlier run's seconds, corrected by what is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lib.runner.plan import Notebook


def expected_seconds(notebooks: Sequence[Notebook], earlier: Mapping[str, Mapping]) -> dict[str, float]:
    """Seconds that each notebook is expected to take; those nothing is known about are left out.

    Args:
        earlier: ``run.json``'s entries of an earlier run in the same folder, by notebook.
    """
    found = {}
    for n in notebooks:
        entry = earlier.get(n.name, {})
        seconds = entry.get("seconds") if entry.get("status") == "done" else None
        if seconds or n.seconds:
            found[n.name] = float(seconds or n.seconds)
    return found


def pace(expected: Mapping[str, float], spent: Mapping[str, float]) -> float:
    """How many times longer than expected the finished notebooks took; 1 when none has finished."""
    both = [n for n in spent if n in expected]
    total = sum(expected[n] for n in both)
    return sum(spent[n] for n in both) / total if total else 1.0


def running_left(expected: float | None, spent: float, cell_spent: float, fraction: float | None) -> float | None:
    """Seconds left for a running notebook, or None when nothing is known.

    Args:
        expected: its expected seconds, already at the pace seen.
        spent: its seconds so far; ``cell_spent``: those of its present cell.
        fraction: how much of the present cell is done, 0 to 1, if it says so.
    """
    inner = cell_spent / fraction * (1 - fraction) if fraction else None
    outer = expected - spent if expected is not None and expected > spent else None
    known = [s for s in (inner, outer) if s is not None]
    return max(known) if known else None


def total_left(
    left: Mapping[str, float | None],
    after: Mapping[str, Sequence[str]],
    cost: Mapping[str, int],
    running: set[str],
    slots: int,
) -> float | None:
    """Seconds until all is done, by playing the rest of the schedule through; None if one is unknown.

    Args:
        left: seconds left of each unfinished notebook, in starting order.
        after: what each waits for; names outside ``left`` count as finished.
        cost: slots each occupies; ``running``: those that occupy them now; ``slots``: how many there are.
    """
    if any(seconds is None for seconds in left.values()):
        return None
    now, ends = 0.0, {n: left[n] for n in running}
    waiting = [n for n in left if n not in running]
    while waiting or ends:
        for n in list(waiting):
            free = slots - sum(cost[m] for m in ends)
            if not any(a in waiting or a in ends for a in after[n]) and cost[n] <= free:
                ends[n] = now + left[n]
                waiting.remove(n)
        if not ends:
            return None
        first = min(ends, key=ends.get)
        now = ends.pop(first)
    return now
