"""What the terminal shows of a sweep: a line for each run that ends and each step that begins, what fails, time to go.

All that Snakemake prints goes into a file. A plain `snakemake` prints what it always does.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import click

from suite.lab.records import RecordError, read
from suite.study.cells import Planned
from suite.study.plan import Plan
from suite.study.under_way import Watch, in_words, seconds_left

FOLDER = Path(".snakemake/log")  # where Snakemake's own logs lie
STEP = re.compile(r"(?:local)?rule (gather|check|statistics|figures|report):")
FAILED = re.compile(r"Error in rule (\w+)\b.*:")
DETAIL = re.compile(r"\s+(output|log): (.*?)(?: \(check log file.*)?")
SILENT_S = 60.0
"""After so long without a line, one tells what is under way."""
LAST = 20  # lines that are shown of an end that nothing explains
RATHER_PRINTED = frozenset(
    {"-n", "--dry-run", "--dryrun", "--dag", "--d3dag", "--rulegraph", "--filegraph", "--summary", "-S", "-D"}
    | {"--detailed-summary", "--list-rules", "--list", "-l", "--list-target-rules", "--lt", "--list-changes", "--lc"}
    | {"--lint", "--unlock", "--report", "--archive", "--print-compilation", "--cleanup-metadata", "--cm"}
    | {"--delete-all-output", "--delete-temp-output", "--help", "-h", "--version", "-v"}
)
"""Words with which Snakemake is asked to print something, or to do something else than the sweep."""


class Lines:
    """Follows a sweep of these records (of none, of the whole plan): `hear` takes Snakemake's lines, `look` looks at
    the records.

    at_once: how many runs there may be at a time; asked: whether the sweep was asked to stop, so that jobs which end
    have not failed.
    """

    def __init__(self, plan: Plan, records: Sequence[str], at_once: int, asked: Callable[[], bool]):
        self.plan, self.at_once, self.asked = plan, at_once, asked
        self.runs = [plan.runs[record] for record in records or plan.runs]
        self.watch = Watch(plan)
        self.left = [run for run in self.runs if self.watch.state(run).to_do]
        self.log = FOLDER / f"{time.strftime('%Y-%m-%dT%H%M%S')}-{plan.study}.log"
        self.last: deque[str] = deque(maxlen=LAST)
        self.explained = False  # whether what failed has been shown
        self._failure: dict[str, str] | None = None  # of which Snakemake is telling
        self._latest = time.monotonic()

    def begin(self) -> None:
        """Says what there is to do, and where the rest can be read."""
        there = len(self.runs) - len(self.left)
        self._say(f"{len(self.runs)} runs, {there} of them there; what Snakemake prints: {self.log}")

    def hear(self, line: str) -> None:
        """Keeps a line of Snakemake or of a step; shows a mistake's sentence, that a step begins, what has failed."""
        self.last.append(line)
        with suppress(OSError):  # a full disk must not end the sweep here
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        if line.startswith("error: "):
            self.explained = True
            self._say(line, error=True)
        elif step := STEP.fullmatch(line):
            self._say(f"{step[1]} ...")
        elif failed := FAILED.fullmatch(line):
            self._failure = {"rule": failed[1]}
        elif self._failure is not None:
            self._hear_of_failure(line)

    def _hear_of_failure(self, line: str) -> None:
        """A line of what Snakemake says of a failed job: it ends with an empty one."""
        assert self._failure is not None
        if detail := DETAIL.fullmatch(line):
            self._failure[detail[1]] = detail[2]
        elif not line.strip():
            failure, self._failure = self._failure, None
            if not self.asked():
                self.explained = True
                self._say(self._failed(**failure), error=True)

    def _failed(self, rule: str, output: str = "", log: str = "") -> str:
        """What failed, its log, and the last line there: a reason, or where it was when it was killed."""
        runs = [self.plan.runs[path] for path in output.split(", ") if path in self.plan.runs]
        left = [run for run in runs if not Path(run.record).exists()] or runs
        others = f" and {len(left) - 1} more" if len(left) > 1 else ""
        what = f"{self._name(left[0])}{others}" if left else rule
        reason = _last_line(Path(log)) if log else ""
        return f"failed: {what}; last line of {log}: {reason}" if reason else f"failed: {what}; log: {log or self.log}"

    def look(self) -> None:
        """Shows the runs that have ended since the last look; now and then, that others are under way."""
        ended = [run for run in self.left if not self.watch.state(run).to_do]
        self.left = [run for run in self.left if run not in ended]
        for n, run in enumerate(ended, len(self.runs) - len(self.left) - len(ended) + 1):
            self._say(f"{self._count(n)} {self._name(run)}: {self._outcome(run)}{self._time_left()}")
        if self.left and time.monotonic() - self._latest > SILENT_S:
            states = [self.watch.state(run) for run in self.left]
            running = sum(state.status == "running" for state in states)
            self._say(f"{self._count(len(self.runs) - len(self.left))} {running} under way{self._time_left()}")

    def end(self, code: int) -> None:
        """What has ended meanwhile; and the last that Snakemake printed, where it failed and no line tells why."""
        self.look()
        if code and not self.explained and not self.asked():
            self._say(f"Snakemake ended with code {code}; its last lines, of {self.log}:", error=True)
            for line in self.last:
                self._say(line, error=True)

    def _count(self, n: int) -> str:
        return f"[{n}/{len(self.runs)}]"

    def _name(self, run: Planned) -> str:
        """A run's name; the implementation's only where the study has several."""
        several = len({one.cell.implementation for one in self.plan.runs.values()}) > 1
        implementation = f"{run.cell.implementation} " if several else ""
        return f"{run.cell.variant} {implementation}{run.cell.task} seed {run.seed}"

    def _outcome(self, run: Planned) -> str:
        """What became of a run, in words."""
        state = self.watch.state(run)
        if state.record is None:
            return f"{state.status}, see {run.record}"
        spent = f"{state.record.wall_time_s:,.0f} s"
        if state.status == "finished":
            return f"return {_last_return(self.plan, run)}, {spent}"
        log = self.plan.work(run.cell, run.seed) / "log.txt"
        return f"{state.status} at step {state.record.last_env_step:,}, {spent}: {state.record.message}; log: {log}"

    def _time_left(self) -> str:
        if not self.left:
            return ""
        left = in_words(seconds_left([self.watch.state(run) for run in self.runs], self.at_once))
        return f"; {left}" if left else ""

    def _say(self, line: str, error: bool = False) -> None:
        """Shows a line; a terminal that is gone must not end the sweep."""
        self._latest = time.monotonic()
        with suppress(OSError):
            click.echo(line, err=error)


def _last_line(path: Path) -> str:
    """The last line of a file that says something; "" where there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _last_return(plan: Plan, run: Planned) -> str:
    """The mean return of a run's last evaluation."""
    for path in (Path(run.record), plan.waiting(run)):
        try:
            episodes = read(path).episodes
        except RecordError:
            continue
        steps, returns = episodes["env_step"].to_numpy(), episodes["return"].to_numpy()
        return f"{returns[steps == steps.max()].mean():.4g}" if len(steps) else "-"
    return "-"
