"""How a figure becomes files."""

import gc
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.layout_engine import ConstrainedLayoutEngine

from suite.report.figures.canvas import METADATA, STYLE, Content
from suite.report.files import write_csv

matplotlib.use("Agg")


def save(content: Content, stem: Path) -> None:
    """A figure in every format, and its data as CSV beside it; stem: their path without an ending."""
    write_csv(stem.with_name(f"{stem.name}.csv"), content.data)
    save_pictures(content, stem)


def save_pictures(content: Content, stem: Path, kinds: Iterable[str] = ()) -> None:
    """A figure in every format, or in these alone."""
    with _without_collections(), plt.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **STYLE}):
        _save(content, stem, kinds)


def _save(content: Content, stem: Path, kinds: Iterable[str]) -> None:
    figure = content.draw(content.data)
    ConstrainedLayoutEngine().execute(figure)  # once: set as a style, every format would lay it out anew
    for kind in kinds or METADATA:
        content_of_file = io.BytesIO()  # on a full disk a backend's own file would raise something else
        figure.savefig(content_of_file, format=kind, metadata=METADATA[kind])
        stem.with_name(f"{stem.name}.{kind}").write_bytes(content_of_file.getbuffer())
    plt.close(figure)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Garbage waits until the end, and then what was made in between is looked through: a collection of everything
    would go through a study's results and all libraries, a dozen times for 40 figures, and take a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        if enabled:
            gc.enable()
