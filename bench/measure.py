"""Measures two things alternately, so that a drift in the machine's speed affects both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(
    name: str, ours: Callable[[], object], floor: Callable[[], object], rounds: int, per: int = 1
) -> None:
    """Print the medians of both (milliseconds for each of `per` units) and the median of the ratios."""
    ours(), floor()
    pairs = [(seconds(ours), seconds(floor)) for _ in range(rounds)]
    our_median = statistics.median(pair[0] for pair in pairs) / per * 1000
    floor_median = statistics.median(pair[1] for pair in pairs) / per * 1000
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    report(name, our_median, floor_median, ratio)


def report(name: str, ours: float, floor: float, ratio: float) -> None:
    """Print one line of milliseconds."""
    print(f"{name:<44} {ours:9.3f} ms   floor {floor:9.3f} ms   ratio {ratio:6.2f}")
