"""What reviewers ask of an empirical study, answered from its data; and what its runs were made with."""

from collections.abc import Sequence

from suite.analysis.provenance import Making, making
from suite.analysis.types import Results
from suite.report.declared import history_in_words
from suite.report.families import METHODS
from suite.report.files import Study
from suite.report.presets import Preset
from suite.sac.status import STATUSES
from suite.wording import number, share

MOST_TASKS = 6  # tasks that the head of a page names
FIRST = 3  # versions of the code that are named, of many


def checklist(study: Study, presets: Sequence[Preset]) -> list[tuple[str, str]]:
    """The questions in the order they are shown, each with its answer in words, "" where the data give none."""
    results, made = study.results, making(study.runs)
    counts, stale = results.counts, results.counts.stale
    level, codes = share(results.settings.confidence), _first(made.code_id)
    seeds = ", ".join(map(str, sorted({run.seed for cell in results.cells for run in cell.seeds})))
    cited = {preset.name: [bool(field.citation) for field in preset.fields] for preset in presets if preset.fields}
    sources = [f"{name}: {len(known)} fields, {sum(known)} with a source" for name, known in cited.items()]
    error_bars = (
        f"{level} intervals over seeds, never over episodes: of a mean Student's t, of an IQM bootknife "
        "percentiles, of a difference Student's over pairs of seeds or else Welch's, of a curve a simultaneous "
        "band; headings say which."
    )
    return [
        ("What do error bars show?", error_bars),
        ("How many runs?", f"{counts.planned} planned, {counts.finished} finished; {_seeds_per_cell(results)}."),
        ("Which tests, corrected how?", _tests(results)),
        ("Declared beforehand?", _declared(history_in_words(results.declaration, study.declared_at), results)),
        ("Which code?", f"code_id {codes}; {stale} runs were made by other code and are left out." if codes else ""),
        ("Which versions?", "; ".join(f"{name} {', '.join(values)}" for name, values in made.packages.items())),
        ("Which seeds?", f"{seeds}; the report's own draws come from seed {results.settings.seed}."),
        ("Which hyper-parameters, from where?", "; ".join(sources)),
        ("How much compute?", _compute(made) if made.runs_with_time else ""),
        ("What of failed runs?", _failures(results)),
    ]


def made_with(made: Making) -> list[tuple[str, str]]:
    """What the runs were made with, and its values or versions that occur."""
    everything = {"device": made.device, "code_id": made.code_id, "commit": made.commit, **made.packages}
    return [(name, ", ".join(values)) for name, values in everything.items()]


def _first(codes: Sequence[str]) -> str:
    """The first of these, and how many others; imported runs have one each, of their logs."""
    more = len(codes) - FIRST
    return ", ".join(codes) if more <= 1 else f"{', '.join(codes[:FIRST])} and {more} others"


def _tests(results: Results) -> str:
    in_use = {name: family for name, family in results.families.items() if family.size}
    families = [f"{name}: {METHODS[family.method]} for {family.size}" for name, family in in_use.items()]
    return f"{'; '.join(families)}. Raw and adjusted p stand side by side." if families else ""


def _declared(history: Sequence[str], results: Results) -> str:
    """The first declaration, and what its changes come to."""
    return " ".join(dict.fromkeys((history[0], history[-1]))) if results.declaration else ""


def _compute(made: Making) -> str:
    return (
        f"{number(made.core_hours)} core-hours over {made.runs_with_time} runs, on {', '.join(made.device)}; by the "
        f"clock {number(made.hours)} hours, and runs that shared a process count its time each."
    )


def _failures(results: Results) -> str:
    counted = not_finished(results)
    if results.counts.stale:
        counted.append(f"{results.counts.stale} stale")
    return (
        f"{', '.join(counted) or 'There are none'}. Diverged and crashed ones score the floor, the others are in no "
        "average; each is named, and what the averages would be otherwise stands beside."
    )


def studied(results: Results) -> str:
    """The tasks with their budgets in environment steps, and the seeds of a cell, as a sentence."""
    budgets: dict[str, list[int]] = {}
    for cell in results.cells:
        budgets[cell.task] = sorted({*budgets.get(cell.task, []), cell.env_steps})
    tasks = [f"{task} ({' or '.join(f'{steps:,}' for steps in known)} steps)" for task, known in budgets.items()]
    named = ", ".join(tasks) if len(tasks) <= MOST_TASKS else f"{len(tasks)} tasks"
    return f"{named}; {_seeds_per_cell(results)}." if tasks else ""


def _seeds_per_cell(results: Results) -> str:
    planned = sorted({cell.n_planned for cell in results.cells})
    return f"{' or '.join(map(str, planned))} seeds planned in every cell"


def not_finished(results: Results) -> list[str]:
    """How many runs came to each end but the planned one, "2 diverged", where any did."""
    counts = {status: getattr(results.counts, status) for status in STATUSES if status != "finished"}
    return [f"{n} {status}" for status, n in counts.items() if n]
