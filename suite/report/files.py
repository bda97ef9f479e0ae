"""What a study's folder holds for its report, read once and typed."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from suite.analysis.results_file import RESULTS, from_plain, read_as, read_gathered, read_results, to_plain
from suite.analysis.tables import read_table
from suite.analysis.types import Results
from suite.errors import UsageError

FORMULA = re.compile(r"[=+\-@\t\r\n](?![\d.]+$)")
"""How a text begins that a spreadsheet would take for a formula; a number it may be."""


@dataclass(frozen=True)
class PresetSources:
    """What is known of a preset: its state and why, what it does not reproduce, and where its values come from."""

    state: str = ""
    reason: str = ""
    not_reproduced: str = ""
    sources: Mapping[str, str] | None = None  # by field of its spec or schedule

    def of_field(self, path: Sequence[str]) -> str:
        """Where a field's value comes from, by its path; the source of a whole choice is that of its fields, too."""
        sources = self.sources or {}
        return sources.get(".".join(path), sources.get(path[0], ""))


@dataclass(frozen=True)
class Study:
    """A study's results and tables; the columns of manifest and runs are those of suite.study.gather."""

    results: Results
    manifest: pd.DataFrame
    runs: pd.DataFrame
    sources: Mapping[str, PresetSources]  # by preset
    declared_at: tuple[str, ...] = ()  # when each entry of the declaration's history was made, "" where it is not known


@dataclass(frozen=True)
class IndexEntry:
    """A drawn figure as figures/index.json names it."""

    name: str
    kind: str
    ablation: str  # "" for the whole study
    title: str
    caption: str
    files: tuple[str, ...]


def results_of(study_dir: Path) -> Results:
    """results.json of the study; UsageError where there is none."""
    results = read_results(study_dir)
    if results is None:
        raise UsageError(f"{study_dir / RESULTS} is missing: run `python -m suite statistics` for this study first")
    return results


def study_of(study_dir: Path) -> Study:
    """Everything the page needs of the study in study_dir."""
    manifest, runs = (read_table(study_dir, name) for name in ("manifest", "runs"))
    by_preset = read_gathered(study_dir / "sources.json", _presets) or {}
    times = read_gathered(study_dir / "declaration.json", _times) or ()
    return Study(results_of(study_dir), manifest, runs, by_preset, times)


def _presets(data: Mapping) -> dict[str, PresetSources]:
    return {
        preset: from_plain(PresetSources, to_plain(PresetSources()) | dict(entry)) for preset, entry in data.items()
    }


def _times(data: Mapping) -> tuple[str, ...]:
    return tuple(str(entry.get("when", "")) for entry in data["history"])


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, as csv_bytes makes it."""
    path.write_bytes(csv_bytes(table))


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as CSV; before a text that a spreadsheet would take for a formula stands an apostrophe."""
    texts = {name: table[name].map(_no_formula) for name in table.select_dtypes(exclude=["number", "bool"])}
    return table.assign(**texts).rename(columns=_no_formula).to_csv(index=False, lineterminator="\n").encode()


def _no_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def read_csv(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """A table that write_csv wrote, its columns of texts as they were before; a text that is missing is ""."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(texts, object))
    return table.assign(**{name: table[name].fillna("").map(_as_it_was) for name in texts})


def _as_it_was(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


def write_index(path: Path, entries: list[IndexEntry]) -> None:
    """Write figures/index.json."""
    path.write_text(json.dumps(to_plain(entries), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_captions(path: Path, entries: list[IndexEntry]) -> None:
    """Write figures/captions.rst, from which `snakemake --report` takes a figure's title and caption by its name."""
    captions = {entry.name: f"**{_in_rst(entry.title)}.** {_in_rst(entry.caption)}" for entry in entries}
    path.write_text(f"{{{{ {json.dumps(captions)}[snakemake.wildcards.name] }}}}\n", encoding="utf-8")


def _in_rst(text: str) -> str:
    """Text in which nothing means anything to reStructuredText."""
    return re.sub(r"([\\`*_|<>\[\]:])", r"\\\1", " ".join(text.split()))


def read_index(path: Path) -> list[IndexEntry]:
    """The entries of figures/index.json."""
    remedy = "run `python -m suite figures` for this study again"
    return read_as(path, remedy, lambda entries: [from_plain(IndexEntry, entry) for entry in entries], list)
