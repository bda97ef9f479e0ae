"""Release: a study's results as they are passed on, so that everybody can analyse them again without training.

A released folder has the records, without the final networks (`arrays: not kept`; their digest stays), the declaration
with its history, the config, and SHA256SUMS (`sha256sum --check SHA256SUMS`). Its records count as finished: a sweep
whose `results` is that folder trains only what is missing, and `report --from` makes the page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from suite.errors import UsageError
from suite.files import atomic
from suite.lab import records
from suite.study.config import read
from suite.study.gather import WITHOUT_EVALUATIONS, Gathered, outcomes
from suite.study.manifest import history_of
from suite.study.plan import Plan

SUMS = "SHA256SUMS"


class Released(NamedTuple):
    """How many of a study's runs are in the folder now, how many of these are new, and how many are planned."""

    there: int
    new: int
    planned: int


def release(plan: Plan, folder: Path, say: Callable[[str], None] = print) -> Released:
    """Passes on every result of a study that the folder does not have yet; stale and interrupted runs are none.

    UsageError, and nothing is written, if it is the folder in which the study trains, or has another record of a run.
    """
    if folder.resolve() == Path(plan.config.results).resolve():
        raise UsageError(f"{folder} is where {plan.path} keeps its own results; choose another folder")
    declared = plan.study_dir / "declaration.json"
    if not declared.is_file():
        raise UsageError(f"{declared} is missing, for nothing is trained yet; python -m suite sweep does so")
    _check_folder(plan, declared, folder)
    results = [one for one in outcomes(plan, say) if one.status not in WITHOUT_EVALUATIONS and not one.stale]
    placed = {folder / Path(one.planned.record).relative_to(plan.config.results): one for one in results}
    new = {path: one for path, one in placed.items() if not _has(path, one)}
    for path, one in new.items():
        assert one.record, "a result without a record"
        records.write(path, replace(one.record.meta, arrays="not kept"), one.record.rows)
    for text, path in (
        (declared.read_text(encoding="utf-8"), folder / "studies" / plan.study / declared.name),
        (read(plan.path), folder / f"{plan.study}.yaml"),
    ):
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    with atomic(folder / SUMS) as temporary:
        temporary.write_text(sums(folder), encoding="utf-8")
    return Released(len(placed), len(new), len(plan.runs))


def _check_folder(plan: Plan, declared: Path, folder: Path) -> None:
    """UsageError if the folder is another study's, or was declared otherwise than this study's history begins."""
    if others := sorted(path.name for path in folder.glob("*.yaml") if path.name != f"{plan.study}.yaml"):
        raise UsageError(f"{folder} has {', '.join(others)} of another study; give each study a folder of its own")
    there = folder / "studies" / plan.study / declared.name
    if not there.exists():
        return
    before, now = history_of(there), history_of(declared)
    if now[: len(before)] != before:
        raise UsageError(f"{declared} does not go on from {there}, which tells when its records were declared; keep it")


def released(folder: Path) -> Plan:
    """The plan of the study that lies in a released folder; UsageError if none or several do."""
    configs = sorted(folder.glob("*.yaml"))
    if len(configs) != 1:
        count = "several configs" if configs else "no config"
        raise UsageError(f"{folder} has {count}; a released folder has one, as python -m suite release leaves it")
    return Plan(configs[0], results=str(folder))


def sums(folder: Path) -> str:
    """The SHA-256 of every file that a released folder passes on, as `sha256sum --check` reads them."""
    files = (*folder.glob("*.yaml"), *folder.glob("runs/**/*.parquet"), *folder.glob("studies/*/declaration.json"))
    digests = {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}
    return "".join(f"{digest}  {path}\n" for path, digest in digests.items())


def _has(path: Path, one: Gathered) -> bool:
    """Whether the record is there already; UsageError if another one of the same run is."""
    if not path.exists():
        return False
    try:
        there = records.read(path)
    except records.RecordError as error:
        raise UsageError(f"{error}; remove it first") from None
    assert one.record, "a result without a record"
    if records.rows_digest(there.rows) != records.rows_digest(one.record.rows):
        raise UsageError(f"{path} is another record of the run of {one.planned.record}; remove one of them first")
    return True
