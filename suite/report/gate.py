"""What a CI job shows of a check: a summary in Markdown, an annotation a row, and a page of its own.

The gate decides nothing here: verdicts, sentences and the exit code are those of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.analysis.check_rows import CheckRow
from suite.files import atomic
from suite.gate.drift_rows import DriftRow
from suite.gate.outcome import IN_WORDS, exit_code, gate_line
from suite.report.page import html_of
from suite.report.summary import escaped
from suite.specimens.naming import in_full
from suite.wording import number, with_range


@dataclass(frozen=True)
class GateRow:
    """A row as CI shows it: all of it words."""

    cell: str
    env_step: str
    difference: str
    margin: str
    verdict: str
    role: str
    sentence: str


@dataclass(frozen=True)
class GateResult:
    """A check and what the gate makes of it; the primary endpoints come first."""

    study: str
    config: str  # the path of its config, which annotations name
    code: int  # the exit code with --gate
    line: str
    rows: tuple[GateRow, ...]
    notes: tuple[str, ...]
    annotations: tuple[str, ...]  # workflow commands of GitHub Actions

    @property
    def head(self) -> str:
        return f"{self.study}: the gate {IN_WORDS[self.code]}"


def result_of(
    study: str,
    config: str,
    rows: Sequence[CheckRow] | Sequence[DriftRow],
    notes: Sequence[str],
    undecided_ok: bool = False,
) -> GateResult:
    """What CI shows of these rows."""
    ordered: list[CheckRow | DriftRow] = sorted(rows, key=lambda row: not row.gated)
    return GateResult(
        study,
        config,
        exit_code(rows, True, undecided_ok),
        gate_line(rows, undecided_ok),
        tuple(_row(row) for row in ordered),
        tuple(notes),
        tuple(_annotations(ordered, config, undecided_ok)),
    )


def _row(row: CheckRow | DriftRow) -> GateRow:
    if isinstance(row, CheckRow):
        role, against = row.role, f", {row.reference}"
    else:
        role, against = "primary" if row.gated else "secondary", ""
    return GateRow(
        f"{row.task}, {in_full(row.implementation, row.variant)}{against}",
        f"{row.env_step:,}",
        with_range(row.difference, row.low, row.high),
        number(row.margin),
        row.verdict.replace("_", " "),
        role,
        row.sentence,
    )


def _annotations(rows: Sequence[CheckRow | DriftRow], config: str, undecided_ok: bool) -> Iterator[str]:
    """One for every primary endpoint that does not pass: an error if it fails, else a warning."""
    for row in rows:
        if not row.gated or row.passes or (undecided_ok and row.exhausted):
            continue
        level = "error" if row.fails else "warning"
        title = f"{row.verdict.replace('_', ' ')}: {row.task}, {in_full(row.implementation, row.variant)}"
        place = f"file={_property(config)},title={_property(title)}"
        yield f"::{level} {place}::{_data(row.sentence or title)}"


def _data(text: str) -> str:
    """Text that a workflow command carries: it ends with the line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def markdown(result: GateResult) -> str:
    """The job summary: what the gate says, a table of the rows, and a sentence for each."""
    lines = [f"## {escaped(result.head)}", "", f"{_sentence(escaped(result.line))}", ""]
    if result.rows:
        lines += ["| cell | step | ours − the other | margin | verdict | role |", "|---|---:|---:|---:|---|---|"]
        lines += [_in_markdown(row) for row in result.rows]
        lines += ["", *(f"- {escaped(row.sentence)}" for row in result.rows if row.sentence)]
    lines += [f"- {escaped(note)}" for note in result.notes]
    return "\n".join(lines).rstrip() + "\n"


def _in_markdown(row: GateRow) -> str:
    verdict = f"**{escaped(row.verdict)}**" if row.role == "primary" else escaped(row.verdict)
    cells = (*map(escaped, (row.cell, row.env_step, row.difference, row.margin)), verdict, escaped(row.role))
    return f"| {' | '.join(cells)} |"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def write(result: GateResult, folder: Path, job_summary: Path | None = None) -> None:
    """Write folder/gate.md and folder/gate.html; job_summary: a file that the Markdown is added to, which CI shows."""
    text = markdown(result)
    for name, content in (("gate.md", text), ("gate.html", html_of("gate.html.j2", {"result": result}))):
        with atomic(Path(folder) / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    if job_summary:
        with job_summary.open("a", encoding="utf-8") as file:
            file.write(text)
