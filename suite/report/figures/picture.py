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
    """A figure of the report; part: what sets it apart from others of its kind, ablation: the one it belongs to."""

    kind: str  # what it shows, and where it stands on the page
    title: str
    content: Content
    part: str = ""
    ablation: str = ""

    @property
    def name(self) -> str:
        """The stem of its files."""
        name = "-".join(filter(None, (self.kind, self.part, self.ablation)))
        return re.sub(r"[^A-Za-z0-9_-]+", "-", name)
