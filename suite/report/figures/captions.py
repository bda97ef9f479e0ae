"""What captions say in the same words: how many runs finished, how p is adjusted, how far an interval can be trusted.

`shown` is what a figure shows: pairs of a cell and the name it goes by there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from suite.published.calibration import measured

METHODS = {"holm": "Holm", "hommel": "Hommel", "bonferroni": "Bonferroni", "bh": "Benjamini-Hochberg",
           "by": "Benjamini-Yekutieli", "none": "unadjusted"}  # fmt: skip


FAITHFUL = 0.02  # a coverage this near to the nominal one is not worth a word


def key(record: dict) -> tuple:
    return record["task"], record["implementation"], record["run_id"]


def by_key(records: Iterable[dict]) -> dict[tuple, dict]:
    return {key(record): record for record in records}


def behind(entries: Iterable[dict], results: dict) -> Iterator[tuple[dict, str]]:
    """What is shown by entries that hold an implementation, a variant and its tasks."""
    for entry in entries:
        for cell in results["cells"]:
            here = cell["implementation"] == entry["implementation"] and cell["task"] in entry["tasks"]
            if here and entry["variant"] in cell["labels"]:
                yield cell, entry["variant"]


def finished(shown: Iterable[tuple[dict, str]]) -> str:
    """How many runs finished, of how many planned: once if all cells agree, else cell by cell where runs are short."""
    distinct = {(*key(cell), name): cell for cell, name in shown}
    short = [
        f"{name} on {task} ({implementation}) {cell['n_finished']}/{cell['n_planned']}"
        for (task, implementation, _, name), cell in distinct.items()
        if cell["n_finished"] < cell["n_planned"]
    ]
    planned = sorted({cell["n_planned"] for cell in distinct.values()})
    every = f"n finished / n planned: {planned[0]}/{planned[0]}" if len(planned) == 1 else "every planned run finished"
    return f"{every} in every {'other ' if short else ''}cell" + "".join(f"; {text}" for text in short) + "."


def coverage(quantity: str, shown: Iterable[tuple[dict, str]], results: dict, of: str = "its coverage") -> str:
    """In brackets, what such an interval was measured to cover at the smallest number of seeds, or at the nearest below
    it that was measured; nothing where it covers what it promises."""
    n = min((cell["n_scored"] for cell, _ in shown if cell["n_scored"] > 1), default=0)
    row = next(filter(None, (measured(quantity, fewer) for fewer in range(n, 1, -1))), None)
    nominal = results["settings"]["confidence"]
    if row is None or row.nominal != nominal or round(abs(row.measured - nominal), 4) <= FAITHFUL:
        return ""
    return f" (measured on published SAC curves, {of} is {row.measured:.0%} at n = {row.n})"


def level(results: dict) -> str:
    return f"{results['settings']['confidence']:.0%}"


def adjusted(family: str, results: dict) -> str:
    """The method and the family that p values are adjusted in."""
    told = results["families"][family]
    return f"{METHODS[told['method']]}, over the {told['size']} of the family “{family}”"


def undrawn(family: str, results: dict) -> str:
    return f"No p value is drawn; those of the report are adjusted ({adjusted(family, results)}). "


def p_value(entry: dict, results: dict) -> str:
    """The adjusted p of an entry with the method and the size of its family."""
    p, method = entry["p_adjusted"], METHODS[results["families"][entry["family"]]["method"]]
    if p is None:
        return "no p"
    return f"p {'< 0.001' if p < 0.001 else f'= {p:.3f}'} ({method}, {entry['family_size']})"


def tasks_of(entries: Iterable[dict]) -> str:
    tasks = dict.fromkeys(task for entry in entries for task in entry["tasks"])
    return f"{len(tasks)} tasks ({', '.join(tasks)})" if len(tasks) > 1 else f"one task, {next(iter(tasks))}"


def left_out(entries: list[dict], named: str = "variant") -> str:
    """The tasks that entries leave out and why, each reason once, with whom it concerns unless that is all of them."""
    reasons: dict[str, list[str]] = {}
    for entry in entries:
        for task in entry["left_out"]:
            reasons.setdefault(f"{task['task']} ({task['why']})", []).append(entry[named])
    said = [
        reason if len(whom) == len(entries) else f"{reason}: {', '.join(dict.fromkeys(whom))}"
        for reason, whom in reasons.items()
    ]
    return f"Left out: {'; '.join(said)}. " if said else ""
