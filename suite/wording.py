"""How numbers are read: the one way of printing returns, scores, intervals and p values."""

from __future__ import annotations

from collections.abc import Callable


def number(value: float | None) -> str:
    """A number as it is read: thousands separated, four significant digits below 1,000, a dash for none."""
    if value is None or value != value:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")


def score(value: float | None) -> str:
    """A normalised score or a probability as it is read: three decimals."""
    return "–" if value is None or value != value else f"{value:.3f}".replace("-", "−")


def interval(found: dict | None, number: Callable[[float | None], str] = number) -> str:
    """An estimate with its interval, or alone where there is none."""
    if found is None:
        return "–"
    estimate = found.get("estimate", found.get("difference", found.get("mean")))
    if found.get("low") is None:
        return number(estimate)
    return f"{number(estimate)} ({number(found['low'])}\u00a0to\u00a0{number(found['high'])})"


def p_value(value: float | None) -> str:
    """A p value with three digits, and never zero."""
    return "–" if value is None or value != value else "<\u00a00.001" if value < 0.001 else f"{value:.3f}"


def p_short(value: float | None) -> str:
    """A p value with two significant digits, for a terminal."""
    return "–" if value is None or value != value else f"{value:.2g}"
