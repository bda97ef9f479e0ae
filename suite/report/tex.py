"""Text, tables and headline numbers as LaTeX prints them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from suite.analysis.types import AblationResult, Agreement, Results, Sensitivity
from suite.report.paper_table import FEWER_RUNS, PaperCell, PaperRow, PaperTable, decimal, paper_tables
from suite.wording import WithInterval, number, p_value

DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")

SIGNS = str.maketrans({
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"\\ensuremath{{{sign}}}" for sign in "<>|"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **dict.fromkeys((*map(chr, range(32)), *map(chr, range(127, 160)), "\u2028", "\u2029"), " "),
    "−": r"\ensuremath{-}", "±": r"\ensuremath{\pm}", "×": r"\ensuremath{\times}", "†": r"\ensuremath{\dagger}",
    "–": "--", "\u00a0": "~",
})  # fmt: skip


class PValue(NamedTuple):
    column: str


class Ends(NamedTuple):
    estimate: str  # an estimate's column
    low: str  # and those of the ends of its interval
    high: str


class Ratio(NamedTuple):
    part: str  # a count's column
    whole: str  # and that of what it is out of


Printed = str | PValue | Ends | Ratio  # what a heading prints; a bare name is a column of numbers or words


def escaped(text: str) -> str:
    """The text as LaTeX prints it, also at the start of a row, where [ and * would belong to the line break before."""
    return re.sub(r"^ *([\[*])", r"{\1}", text.translate(SIGNS))


def latex(rows: list[dict[Any, Any]], columns: Mapping[str, Printed]) -> str:
    """The rows as a tabular; intervals stand in brackets."""
    printed = pd.DataFrame([{escaped(head): _cell(row, column) for head, column in columns.items()} for row in rows])
    texts = {column for column in columns.values() if any(isinstance(row.get(column), str) for row in rows)}
    form = "".join("l" if column in texts else "r" for column in columns.values())
    return printed.style.hide(axis="index").to_latex(hrules=True, column_format=form)


def _cell(row: dict[Any, Any], column: Printed) -> str:
    match column:
        case Ends():
            estimate, low, high = (escaped(number(row.get(name))) for name in column)
            return estimate if "--" in (low, high) else f"{estimate} [{low}, {high}]"
        case Ratio():
            return f"{row[column.part]:.0f}/{row[column.whole]:.0f}"
        case PValue():
            return escaped(p_value(row.get(column.column)))
    value = row.get(column)
    return escaped(value if isinstance(value, str) else number(value))


# --- the compact tables


def paper_latex(table: PaperTable) -> str:
    """A compact table as a tabular, for the packages booktabs and siunitx: a column S a task, the best in bold."""
    heads = [*(["implementation"] if table.of_several else []), "variant"]
    form = "l" * len(heads) + "".join(_numbers(table, task) for task in table.tasks)
    lines = [rf"\begin{{tabular}}{{{form}}}", r"\toprule"]
    lines.append(_row([*heads, *(f"{{{escaped(task)}}}" for task in table.tasks)]))
    for before, row in zip([None, *table.rows], table.rows, strict=False):
        if before is None or before.implementation != row.implementation:
            lines.append(r"\midrule")
        lines.append(_row([*_names(table, row), *(_in_column(table, row, task) for task in table.tasks)]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _names(table: PaperTable, row: PaperRow) -> list[str]:
    name = escaped(row.variant) + (" (baseline)" if row.baseline else "")
    return [escaped(row.implementation), name] if table.of_several else [name]


def _numbers(table: PaperTable, task: str) -> str:
    """The column of a task, as wide as its widest mean and half-width, at one precision."""
    decimals = table.decimals[task]
    cells = [cell for row in table.rows if (cell := row.cells.get(task)) and cell.mean is not None]
    means = [decimal(cell.mean or 0.0, decimals) for cell in cells] or ["0"]
    sign = "-" if any(mean.startswith("-") for mean in means) else ""
    whole = max(len(mean.lstrip("-").partition(".")[0]) for mean in means)
    widths = [decimal(cell.half_width, decimals).replace(".", "") for cell in cells if cell.half_width is not None]
    uncertainty = f"({max(map(len, widths))})" if widths else ""
    fraction = f".{decimals}" if decimals else ""
    return f"S[separate-uncertainty, detect-weight, table-format={sign}{whole}{fraction}{uncertainty}]"


def _in_column(table: PaperTable, row: PaperRow, task: str) -> str:
    """A cell as siunitx reads it, "155.5 +- 14.7"; words stand in braces."""
    cell: PaperCell | None = row.cells.get(task)
    if cell is None or cell.mean is None:
        return "{--}"
    parts = [cell.mean] if cell.half_width is None else [cell.mean, cell.half_width]
    text = " +- ".join(decimal(part, table.decimals[task]) for part in parts)
    mark = f"{{{escaped(FEWER_RUNS)}}}" if cell.n < cell.n_planned else ""
    return (r"\bfseries " if cell.best else "") + text + mark


# --- macros for single numbers


class Headline(NamedTuple):
    """A number: the words its command is named by, its value whole and as it is printed, and what it is."""

    words: tuple[str, ...]
    value: Any
    printed: str
    meaning: str


def macros(results: Results) -> str:
    """A LaTeX command for every headline number, named by letters alone; above it what it is and the number whole."""
    lines = [f"% Numbers of the study {_line(results.study)}, a command each, and above it what it is, unrounded."]
    taken = set()
    for words, value, printed, meaning in _headlines(results):
        name = "sac" + "".join(_spelled(word) for word in words)
        while name in taken:
            name += "Again"
        taken.add(name)
        printed = escaped(printed).replace(",", "{,}")  # no space after it in mathematics
        lines += [f"% {_line(meaning)}: {_line(str(value))}", f"\\newcommand{{\\{name}}}{{{printed}}}"]
    return "\n".join(lines) + "\n"


def _spelled(words: str) -> str:
    parts = re.findall(r"[A-Za-z]+|[0-9]", words)
    return "".join(DIGITS[int(part)] if part.isdigit() else part[0].upper() + part[1:] for part in parts)


def _line(text: str) -> str:
    return " ".join(text.split())


def _headlines(results: Results) -> Iterator[Headline]:
    percent = 100 * results.settings.confidence
    yield Headline(("confidence",), percent, f"{percent:g}", "level of the intervals in percent")
    for status, n in vars(results.counts).items():
        yield Headline(("runs", status), n, number(n), f"runs {status}")
    digest = results.declaration.sha256 if results.declaration else "none"
    yield Headline(("declaration",), digest, digest[:10], "SHA-256 of the declaration, its first ten digits")
    for entry in results.aggregates:
        words = ("aggregate", entry.implementation, entry.variant.name, "iqm")
        what = f"{entry.variant.name} ({entry.implementation}) over {len(entry.tasks)} tasks"
        yield from _with_ends(words, entry.iqm, f"IQM of {what}")
    for cell in results.cells:
        what = f"{cell.variant.name} ({cell.implementation}) on {cell.task}"
        words = ("cell", cell.task, cell.implementation, cell.variant.name)
        yield from _with_ends((*words, "mean"), cell.mean, f"mean final return of {what}")
        yield Headline((*words, "runs"), cell.n_scored, number(cell.n_scored), f"runs averaged of {what}")
    for study in results.sensitivity:
        yield from _of_sensitivity(study)
    for pair in results.agreements:
        yield from _of_pair(pair)
    for ablation in results.ablations:
        yield from _of_ablation(ablation)
    for table in paper_tables(results):
        what = f"what the compact table of {table.ablation or 'the presets'} shows"
        yield Headline(("paper", table.ablation, "caption"), table.caption, table.caption, what)


def _of_sensitivity(entry: Sensitivity) -> Iterator[Headline]:
    for one in entry.variants:
        what = f"sensitivity of {one.variant} ({entry.implementation})"
        yield from _with_ends(("sensitivity", entry.implementation, one.variant), one.sensitivity, what)
    for a, b, difference in entry.differences:
        what = f"sensitivity of {a} less that of {b} ({entry.implementation})"
        yield from _with_ends(("sensitivity", entry.implementation, a, "less", b), difference, what)


def _of_pair(pair: Agreement) -> Iterator[Headline]:
    what = f"{pair.a} and {pair.b}, {pair.variant.name} on {pair.task}"
    words = ("equivalence", pair.task, pair.variant.name, pair.a, pair.b)
    verdict = pair.equivalence.verdict if pair.equivalence else None
    yield Headline((*words, "verdict"), verdict, verdict or "none", f"verdict on {what}")
    yield from _with_ends((*words, "difference"), pair.difference, f"difference of {what}")
    for name, printed in {"margin": number, "p": p_value, "p_adjusted": p_value}.items():
        value = getattr(pair.equivalence, name, None)  # None where there was no test
        yield Headline((*words, name), value, printed(value), f"{name} of the equivalence of {what}")


def _of_ablation(ablation: AblationResult) -> Iterator[Headline]:
    for entry in ablation.over_tasks:
        for effect in entry.effects:
            what = f"{effect.name} in {ablation.name} ({entry.implementation}) over all tasks"
            words = ("suite", ablation.name, entry.implementation, effect.name)
            yield from _with_ends(words, effect, f"effect of {what}")
            p = effect.p_adjusted
            yield Headline((*words, "p_adjusted"), p, p_value(p), f"adjusted p of {what}")


def _with_ends(words: tuple[str, ...], value: WithInterval | None, what: str) -> Iterator[Headline]:
    """An estimate and the ends of its interval."""
    estimate, low, high = (value.estimate, value.low, value.high) if value else (None, None, None)
    yield Headline((*words, ""), estimate, number(estimate), what)
    yield Headline((*words, "low"), low, number(low), f"{what}, low end of its interval")
    yield Headline((*words, "high"), high, number(high), f"{what}, high end of its interval")
