"""The command identity: which parts of the suite answer otherwise than when a record was made."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.app import main
from suite.errors import UsageError

if TYPE_CHECKING:
    from suite.lab.records import RunRecord
    from suite.specimens.proofs import Prover


@main.command()
@click.option("--since", help="A record, or a folder of them: compare with what made these.")
@click.option("--record", is_flag=True, help="Record the golden runs anew, where versions say that answers changed.")
@click.option("--commit", is_flag=True, help="Keep the proofs of the present source with the suite.")
@click.option("--results", default="results", show_default=True, help="Where proofs are kept.")
def identity(since: str | None, record: bool, commit: bool, results: str) -> None:
    """Which parts' answers have changed since a record was made: versions, sources, golden runs.

    Without --since: whether every part answers as its golden runs say. Exit code 1 if a part's answers have changed.
    --commit follows a change of source, so that nobody else need repeat them; the suite's own tests do.
    --record refuses if a golden run moved whose part's version did not rise, or if a version rose and nothing moved.
    """
    from suite.specimens import proofs
    from suite.specimens.proofs import Prover

    if (record or commit) and since:
        raise UsageError("--record and --commit are about golden runs and --since about records; give one of them")
    if record:
        _record()
        return
    prover = Prover(Path(results, ".proofs"), partial(click.echo, err=True))
    unchanged = _since(Path(since), prover) if since else _all_parts(prover)
    if commit:
        proofs.commit(prover)
    sys.exit(0 if unchanged else 1)


def _all_parts(prover: Prover) -> bool:
    """Says of every part whether its golden runs are as they were; whether all are."""
    from suite.sac import numerics
    from suite.specimens import proofs

    passed = True
    for part in numerics.PARTS:
        proof = prover.prove(part)
        version = max(one.version for one in numerics.NUMERICS if one.part == part)
        moved = f"{proof.moved} golden runs moved, first {proof.first}"
        outcome = "golden runs as they were" if proof.passed else moved
        click.echo(f"{part:<14} version {version}  source {proofs.part_digest(part)}  {outcome}")
        passed = passed and proof.passed
    return passed


def _since(place: Path, prover: Prover) -> bool:
    """Says of the parts that made records which have changed since; whether none has."""
    from suite.lab.records import RecordError, read_meta

    records: dict[str, list[RunRecord]] = {}  # by a name for the numerics that made them
    for file in [place] if place.is_file() else sorted(place.rglob("*.parquet")):
        try:
            record = read_meta(file)
        except RecordError:
            if place.is_file():
                raise UsageError(f"{place} is no record of this suite") from None
            continue  # a study's table, which lies among the results too
        if not record.imported:
            records.setdefault(f"{record.implementation}, code {record.code_id}", []).append(record)
    if not records:
        raise UsageError(f"there are no records of runs that were trained here at {place}")
    return all([_since_made(group, made, prover) for group, made in sorted(records.items())])


def _since_made(group: str, records: list[RunRecord], prover: Prover) -> bool:
    """Says what has changed since records of equal numerics were made; whether nothing has for any of them."""
    import implementations
    from suite.sac.numerics import PartNumerics
    from suite.study.staleness import Judge

    first = records[0]
    click.echo(f"{group}: {len(records)} records")
    if first.numerics is None:
        click.echo("  of which no versions are known")
        return False
    if first.implementation not in implementations.registered():
        click.echo("  an implementation that is not registered now")
        return False
    judge = Judge(prover)
    unchanged = True
    for part, present in judge.present(first).items():
        then = first.numerics.get(part, PartNumerics(0, ""))
        reasons = {judge.reason_of_part(part, record) for record in records} - {""}
        source = "same source" if then.digest == present.digest else f"source {then.digest or '?'} -> {present.digest}"
        outcome = "; ".join(sorted(reasons)) or "answers as it did"
        click.echo(f"  {part:<14} version {then.version} -> {present.version}  {source}  {outcome}")
        unchanged = unchanged and not reasons
    return unchanged


def _record() -> None:
    """Records golden runs that may have moved; UsageError, and nothing is written, if one may not."""
    from suite.sac.numerics import PARTS
    from suite.specimens import golden

    recordings = {}
    for part in PARTS:
        click.echo(f"running {part}", err=True)
        recordings[part] = golden.recording(part, golden.answers(part))
    if refusals := [refusal for one in recordings.values() for refusal in one.refusals]:
        more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
        raise UsageError(f"nothing is recorded: {refusals[0]}{more}")
    golden.record(recordings)
    for part, one in recordings.items():
        click.echo(f"{part:<14} {len(one.moved)} golden runs moved, {len(one.added)} are new")
