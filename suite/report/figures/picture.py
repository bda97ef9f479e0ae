"""A figure before it is drawn: its data, how to draw them, and its caption."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure


class Content(NamedTuple):
    """The numbers that are drawn and written as CSV, the drawing of them, and what is to be known to read it."""

    data: pd.DataFrame
    draw: Callable[[pd.DataFrame], Figure]
    caption: str


@dataclass(frozen=True)
class Picture:
    """A figure of the report; ablation: the one it belongs to, "" for the whole study."""

    name: str
    title: str
    content: Content
    ablation: str = ""

    @property
    def file(self) -> str:
        """The stem of its files."""
        return re.sub(r"[^A-Za-z0-9_-]+", "-", self.name)
