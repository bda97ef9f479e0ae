"""How numbers are read: the one way of printing returns, scores, intervals and p values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

WITH_POWER = "with a power of 80 %"  # what a number of seeds that decides something decides it with


class WithInterval(Protocol):
    """An estimate and the ends of its interval, None where too few runs give none."""

    @property
    def estimate(self) -> float | None: ...

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


def number(value: float | None) -> str:
    """A number as it is read: thousands separated, four significant digits below 1,000, a dash for none."""
    if value is None or value != value:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")


def score(value: float | None) -> str:
    """A normalised score or a probability as it is read: three decimals."""
    return "–" if value is None or value != value else f"{value:.3f}".replace("-", "−")


def signed(value: float | None) -> str:
    """A number with its sign, as of a difference."""
    return f"+{number(value)}" if value and value > 0 else number(value)


def percent(value: float | None) -> str:
    """A share of 1 in percent: whole from ten on, else with one decimal."""
    if value is None:
        return "–"
    digits = f"{100 * value:.0f}" if abs(value) >= 0.0995 else f"{100 * value:.1f}"
    return f"{digits}\u00a0%".replace("-", "−")


def signed_percent(value: float | None) -> str:
    """The same with its sign, as of a difference."""
    return f"+{percent(value)}" if value and value > 0 else percent(value)


def interval(value: WithInterval | None, form: Callable[[float | None], str] = number) -> str:
    """An estimate with its interval, or alone where there is none; form: how its numbers are printed."""
    return "–" if value is None else with_range(value.estimate, value.low, value.high, form)


def with_range(
    value: float | None, low: float | None, high: float | None, form: Callable[[float | None], str] = number
) -> str:
    """A number with the two between which it lies, or alone where there are none."""
    if low is None:
        return form(value)
    return f"{form(value)} ({form(low)}\u00a0to\u00a0{form(high)})"


def p_value(value: float | None) -> str:
    """A p value with three digits, and never zero."""
    if value is None or value != value:
        return "–"
    return "<\u00a00.001" if value < 0.001 else f"{value:.3f}"


def p_equals(value: float | None) -> str:
    """A p value within a sentence: "p = 0.012", "p < 0.001", "no p"."""
    if value is None or value != value:
        return "no p"
    printed = p_value(value)
    return f"p {printed}" if printed.startswith("<") else f"p = {printed}"


def ranges(values: Sequence[int]) -> str:
    """Rising whole numbers, those in a row as a range: "0–4, 7, 9"."""
    rows: list[list[int]] = []
    for value in values:
        if rows and rows[-1][-1] == value - 1:
            rows[-1].append(value)
        else:
            rows.append([value])
    parts = [f"{row[0]}–{row[-1]}" if len(row) > 2 else ", ".join(map(str, row)) for row in rows]
    return ", ".join(parts)


def share(value: float) -> str:
    """A level or a share of 1 in percent, "95 %"."""
    return f"{100 * value:g} %"


def sentence(title: str) -> str:
    """A title with its full stop, or as it is where it asks.

    >>> sentence("Learning curves"), sentence("Do they agree?")
    ('Learning curves.', 'Do they agree?')
    """
    return title if title.endswith("?") else f"{title}."


def p_short(value: float | None) -> str:
    """A p value with two significant digits, for a terminal."""
    return "–" if value is None or value != value else f"{value:.2g}"
