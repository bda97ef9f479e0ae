"""docs/findings.md: what the released studies found of every question, what was known before, and what stays open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from suite.analysis.answers import DECIDED
from suite.analysis.types import Answer, Counts
from suite.errors import UsageError
from suite.report.site.glance import at_a_glance
from suite.report.site.markdown import cited, escaped, table
from suite.report.site.studies import StudyPage
from suite.sac import identity
from suite.specimens.catalogue import load_ablation, shipped_ablation_names
from suite.study.reproduction import Choice, Reproduced
from suite.wording import number

PATH = identity.ROOT / "docs" / "findings.md"
DISCUSSION = identity.ROOT / "docs" / "discussion.yaml"
"""By question or study: where a finding and the literature part, and why; words alone, numbers are the reports'."""
WENT_WRONG = "what_went_wrong"
"""The discussion that is of none, a paragraph for each thing."""
RELEASED = identity.ROOT / "results" / "released"
REPRODUCED = RELEASED / "reproduced.csv"
UNDER_WAY = "INCOMPLETE"
"""In the verdict of a question whose runs are not all there: it is not told before they are."""
CORE = "core"  # the tag of the questions that stand first


def page(known: Sequence[StudyPage], discussion: Mapping[str, str], again: Sequence[Reproduced] = ()) -> str:
    """The document, of these studies; discussion: by question or study; again: runs that were trained again."""
    every, known, shipped = known, [study for study in known if study.summary.counts.finished], questions(known)
    parts = [
        "# What was found",
        _opening(known),
        "## At a glance",
        *at_a_glance(shipped, known),
        *(part for name in shipped for part in _question(name, known, discussion)),
        "## Beside the questions",
        *_beside(known, discussion),
        *_went_wrong(known, discussion),
        "## What it cost",
        "Core-hours are what runs took on cores, and by the clock in records from before that was measured.",
        _cost(known),
        *_trained_again(again),
        *_waiting(every),
        f"Made of: {', '.join(f'`{name}` {digest(name)}' for name in sorted(one.name for one in every))} (the first "
        "twelve digits of the SHA-256 of each study's list of checksums).",
    ]
    return "\n\n".join(parts) + "\n"


def questions(known: Sequence[StudyPage]) -> list[str]:
    """The suite's own questions that these studies have answered, the core ones first."""
    answered = (one.ablation for study in known for one in study.summary.questions if UNDER_WAY not in one.verdict)
    asked = [name for name in dict.fromkeys(answered) if name in shipped_ablation_names()]
    return sorted(asked, key=lambda name: CORE not in load_ablation(name).tags)


def _opening(known: Sequence[StudyPage]) -> str:
    """What the document is made of, and how to read its numbers."""
    counts = [study.summary.counts for study in known]
    runs, stale = sum(one.finished for one in counts), sum(one.stale for one in counts)
    under_way = sum(study.summary.counts.finished for study in known if not _complete(study))
    return (
        f"Written by `python -m suite findings` from the reports of {len(known)} released studies with {runs:,} "
        f"finished runs, {stale:,} of them stale and {under_way:,} of studies that are not complete: no number is "
        "typed. Differences are in percent of what learning gains, from the random policy to the task's reference; in "
        "brackets 95 % intervals over seeds, of what is EQUIVALENT the 90 % one that is held against the margin. What "
        "stands *besides* decides nothing: single tasks and other outcomes by which the p value, adjusted for all such "
        "questions of its study, tells sides apart, and a factorial's interactions, told apart or not. How a verdict "
        "is made: [statistics](statistics.md)."
    )


def discussed() -> dict[str, str]:
    """The discussion of each question and study that has one; UsageError if the file is damaged."""
    try:
        texts = yaml.safe_load(DISCUSSION.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{DISCUSSION} cannot be read as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise UsageError(f"{DISCUSSION} must be texts by the name of a question or study")
    return texts


def digest(study: str) -> str:
    """What tells the released records of a study from others."""
    return hashlib.sha256((RELEASED / study / "SHA256SUMS").read_bytes()).hexdigest()[:12]


def _question(name: str, known: Sequence[StudyPage], discussion: Mapping[str, str]) -> Iterator[str]:
    one = load_ablation(name)
    yield f"## {escaped(one.question)}"
    for study in known:
        answer = study.question(name)
        if answer and UNDER_WAY not in answer.verdict:
            yield f"**{answer.verdict}** in `{study.name}`. {escaped(answer.text)}"
            if answer.apart:
                yield f"*Besides* in `{study.name}`. {escaped(' '.join(answer.apart))}"
    literature = "; ".join(cited(source) for source in one.literature)
    yield f"*Known before.* {escaped(one.expected)} ({literature})."
    if name in discussion:
        yield f"*Where we part, and why.* {escaped(' '.join(discussion[name].split()))}"
    yield f"*Open.* {' '.join(_open(name, known))}"


def _open(name: str, known: Sequence[StudyPage]) -> Iterator[str]:
    """What is not decided, and what deciding it would cost; a sentence a study."""
    for study in known:
        of_question = [one for one in study.summary.answers if one.ablation == name]
        undecided = [one for one in of_question if one.finding not in DECIDED]
        if any(one.finding == UNDER_WAY for one in of_question):
            continue
        if of_question and not undecided:
            yield f"Nothing within the margin of `{study.name}`; other tasks, sizes of networks and budgets."
        elif undecided:
            yield f"{len(undecided)} of {len(of_question)} in `{study.name}`{_price(study, of_question)}."


def _price(study: StudyPage, of_question: Sequence[Answer]) -> str:
    """What the seeds would cost that settle what is undecided, if that is known of all."""
    hours, counts = study.summary.hours, study.summary.counts
    engines = dict.fromkeys(one.implementation for one in of_question)
    of_engines = [_runs_needed([one for one in of_question if one.implementation == engine]) for engine in engines]
    known = [runs for runs in of_engines if runs is not None]
    if len(known) < len(of_engines) or not hours or not counts.finished:
        return ""
    runs = sum(known)
    return f"; {runs:,} more runs would settle what is seen now, about {runs * hours / counts.finished:.1f} core-hours"


def _runs_needed(answers: Sequence[Answer]) -> int | None:
    """How many runs more settle the answers of one implementation: of every arm and their baseline, or of every cell in
    which factors are crossed; None if that is not known of all."""
    undecided = [one for one in answers if one.finding not in DECIDED]
    known = [(one.n_needed - one.seeds) * len(one.tasks) for one in undecided if one.n_needed and one.seeds]
    if len(known) < len(undecided):
        return None
    factors = [one.factor for one in answers if one.factor]
    most = max(known, default=0)
    return most * 2 ** len(factors) if factors else sum(known) + most


def _complete(study: StudyPage) -> bool:
    """Whether every planned run is there and counts, or those that are absent are needed for nothing."""
    counts = study.summary.counts
    needed = 0 if study.summary.settled else counts.missing
    return not (needed or counts.interrupted or counts.invalid or counts.stale)


def _beside(known: Sequence[StudyPage], discussion: Mapping[str, str]) -> Iterator[str]:
    """What complete studies say besides answers, and what is to be said of them, as a list."""
    known = [study for study in known if _complete(study)]
    alone = set(discussion) - set(shipped_ablation_names())
    sentences = [
        (study.name, words) for study in known for words in (*study.summary.beside, study.summary.expected) if words
    ]
    sentences += [(study.name, _not_needed(study.summary.counts)) for study in known if study.summary.counts.missing]
    sentences += [(study.name, " ".join(discussion[study.name].split())) for study in known if study.name in alone]
    yield "\n".join(f"- {escaped(words)} (`{study}`)" for study, words in sentences) or "Nothing else was asked."


def _not_needed(counts: Counts) -> str:
    """That the absent runs of a complete study are absent for a reason."""
    return (
        f"{counts.missing:,} of {counts.planned:,} planned runs were not needed: no endpoint waits for further seeds."
    )


def _went_wrong(known: Sequence[StudyPage], discussion: Mapping[str, str]) -> Iterator[str]:
    """How runs ended that did not finish, and what is to be said of mistakes, as a list."""
    every = [study.summary.counts for study in known]
    runs = sum(one.finished + one.diverged + one.crashed + one.timeout for one in every)
    ended = ((sum(one.diverged for one in every), "diverged"), (sum(one.crashed for one in every), "crashed"),
             (sum(one.timeout for one in every), "ran out of time"))  # fmt: skip
    yield "## What went wrong"
    ends = [f"{count or 'none'} {words}" for count, words in ended]
    yield f"Of {runs:,} runs that ended, {', '.join(ends[:-1])} and {ends[-1]}."
    if WENT_WRONG in discussion:
        yield "\n".join(f"- {words}" for words in discussion[WENT_WRONG].splitlines() if words)


def _cost(known: Sequence[StudyPage]) -> str:
    """What each study took, and how much of that each decided verdict."""
    heading = ("study", "finished runs", "core-hours", "verdicts decided", "core-hours each")
    return table(heading, [_row(study) for study in known])


def _row(study: StudyPage) -> tuple[str, ...]:
    summary = study.summary
    decided = sum(one.finding in DECIDED for one in summary.answers)
    hours = f"{summary.hours:.1f}" if summary.hours is not None else "–"
    each = f"{summary.hours / decided:.2f}" if summary.hours is not None and decided else "–"
    return f"`{study.name}`", f"{summary.counts.finished:,}", hours, f"{decided} of {len(summary.answers)}", each


def _waiting(known: Sequence[StudyPage]) -> Iterator[str]:
    """The studies that are not complete, and what is to be expected of the gate in them."""
    waiting = [one for one in known if not _complete(one)]
    if waiting:
        listed = ", ".join(f"`{one.name}` ({_runs_there(one)})" for one in waiting)
        yield f"Declared, and their runs not all there, so that no question with absent runs is answered: {listed}."
    for one in waiting:
        if one.summary.expected:
            yield f"The gate in `{one.name}`, so far: {escaped(one.summary.expected)}"


def _runs_there(study: StudyPage) -> str:
    """How many of a study's runs are there, and what is amiss with some."""
    counts = study.summary.counts
    amiss = {"stale": counts.stale, "interrupted": counts.interrupted, "invalid": counts.invalid}
    listed = "".join(f", {count} {status}" for status, count in amiss.items() if count)
    return f"{counts.finished:,} of {counts.planned:,} runs{listed}"


def _trained_again(rows: Sequence[Reproduced]) -> Iterator[str]:
    """Whether released runs come out as they did, and each of those that were tried."""
    if not rows:
        return
    yield "## Trained again"
    yield (
        "Released runs that a committed seed drew are trained again (`make reproduce`). On another processor than the "
        "record's code may round otherwise; a run holds there if it returns what one more run of its cell would, with "
        "a probability of 99 %. A record from before records named their commit is of the newest one before it whose "
        "parts have the digests that it bears."
    )
    yield "\n".join(_of_sources(choice, rows) for choice in SOURCES if any(row.sources == choice for row in rows))
    heading = ("study", "run", "sources", "made on", "trained again on", "outcome", "returned", "again", "one more run")
    yield table(heading, [_again(row) for row in rows])


SOURCES: dict[Choice, str] = {"present": "the present code", "own": "the code of the commit that made its record"}
"""What trains a run again, in words."""


def _of_sources(choice: Choice, rows: Sequence[Reproduced]) -> str:
    """How many of the runs that these sources trained again hold."""
    of = [row for row in rows if row.sources == choice]
    same = sum(row.outcome == "SAME" for row in of)
    return (
        f"- By {SOURCES[choice]}, {sum(row.holds for row in of)} of {len(of)} hold; {same} have every number of their "
        "record, to the last bit."
    )


def _again(row: Reproduced) -> tuple[str, ...]:
    limits = "–" if row.low is None or row.high is None else f"{number(row.low)} to {number(row.high)}"
    run = f"{escaped(row.variant)} on {row.task}, seed {row.seed}"
    ends = (number(row.then), number(row.now), limits)
    sources = f"{row.commit[:7] or '–'}{', its own' if row.sources == 'own' else ''}"
    return f"`{row.study}`", run, sources, escaped(row.made_on), escaped(row.trained_on), row.outcome, *ends


def reports_of(reports: Path) -> list[Path]:
    """The folders of the released studies' reports under this one."""
    return [reports / path.parent.name for path in sorted(RELEASED.glob("*/SHA256SUMS"))]
