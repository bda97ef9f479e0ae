"""What a study found, in words: one sentence a question, with its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from suite.analysis.types import (
    SIGNIFICANT,
    AblationOverTasks,
    AblationResult,
    Agreement,
    Answer,
    ConfidenceInterval,
    Effect,
    Finding,
    Results,
    Sensitivity,
)
from suite.gate.outcome import gate_line
from suite.report.checklist import not_finished
from suite.report.comparisons import failing_in_words
from suite.report.outcomes import interactions, short, told_apart
from suite.sac.ablation import SCORE
from suite.wording import interval, percent, score, share, signed_percent, with_range

ORDER: tuple[Finding, ...] = ("BETTER", "WORSE", "EQUIVALENT", "TOO FEW SEEDS", "INCOMPLETE", "NOT LEARNED",
                              "NO SCALE")  # fmt: skip
MOST_NAMED = 6  # sides of one finding that a sentence names one by one
MOST_LEVELS = 6  # levels at which it tells a factor's effect, of those of the other factors


class QuestionAnswered(NamedTuple):
    """A question, its verdict in one or a few words, and its answer as one sentence."""

    ablation: str
    question: str
    verdict: str
    sentence: str
    findings: tuple[Finding, ...]  # that occur, in the order of ORDER
    further: tuple[str, ...] = ()  # sentences that no verdict goes by
    apart: tuple[str, ...] = ()  # where sides are told apart besides, on single tasks and by other outcomes

    @property
    def text(self) -> str:
        """Every sentence, one after the other."""
        return " ".join((self.sentence, *self.further))


def questions_answered(results: Results) -> list[QuestionAnswered]:
    """Every question of the study that has answers, in the order planned; settings of a sensitivity study are none."""
    return [
        _answered(one, results) for one in results.ablations if any(a.ablation == one.name for a in results.answers)
    ]


def _answered(ablation: AblationResult, results: Results) -> QuestionAnswered:
    of_question = [answer for answer in results.answers if answer.ablation == ablation.name]
    engines = list(dict.fromkeys(answer.implementation for answer in of_question))
    parts = [sentence([one for one in of_question if one.implementation == engine]) for engine in engines]
    held = [(over.implementation, words) for over in ablation.over_tasks for words in with_others_held(over, ablation)]
    if len(parts) > 1:
        parts = [f"{engine}: {part}" for engine, part in zip(engines, parts, strict=True)]
        held = [(engine, f"{engine}: {words}") for engine, words in held]
    findings = tuple(finding for finding in ORDER if any(one.finding == finding for one in of_question))
    if ablation.walk:
        parts.insert(0, "Each arm has the switches of all before it, too.")
    further = (*(words for _, words in held), *_baseline_in_words(ablation))
    apart = (*told_apart(ablation), *interactions(ablation))
    words = verdict(of_question), " ".join(parts)
    return QuestionAnswered(ablation.name, ablation.question, *words, findings, further, apart)


def _baseline_in_words(ablation: AblationResult) -> Iterator[str]:
    """What the baseline has of the number that the arms are values of."""
    names = {arm.arm for table in ablation.tables for arm in table.arms if arm.baseline}
    if ablation.doses and ablation.doses.baseline and len(ablation.factors) == 1:
        values = ablation.doses.baseline
        same = len(set(values.values())) == 1
        baselines = [f"{value:,g}" + ("" if same else f" on {task}") for task, value in values.items()]
        yield f"{_listed(sorted(names))} stands for {ablation.doses.field} {_listed(list(dict.fromkeys(baselines)))}."


def verdict(answers: Sequence[Answer]) -> str:
    """CONFIRMED or REFUTED of what was expected and is decided, of the rest what was found; counted where several."""
    verdicts = [answer.held or answer.finding for answer in answers]
    counts = [(words, verdicts.count(words)) for words in ("REFUTED", "CONFIRMED", *ORDER) if words in verdicts]
    if len(counts) == 1:
        return counts[0][0]
    return ", ".join(f"{count} {words}" for words, count in counts)


def sentence(answers: Sequence[Answer]) -> str:
    """What the sides of one question did in one implementation, in one sentence."""
    if len(answers) == 1:
        clauses = [_clause(answers[0])]
    else:
        groups = (
            [one for one in answers if one.finding == finding and (one.estimate is not None) == known]
            for finding in ORDER
            for known in (True, False)
        )
        clauses = [_clauses(group) for group in groups if group]
    return f"{_over(answers)}{'; '.join(clauses)}."


def with_others_held(over: AblationOverTasks, ablation: AblationResult) -> Iterator[str]:
    """What a factor does at every level of the others, a sentence a factor: numbers that no verdict goes by, but for
    those beside the baseline."""
    for factor in dict.fromkeys(effect.factors[0] for effect in over.simple):
        effects = [effect for effect in over.simple if effect.factors == (factor,)]
        first, second = ablation.factors[factor]
        others = _listed([name for name in ablation.factors if name != factor])
        differences = [
            f"{interval(effect, signed_percent)} at {', '.join(effect.held.values())}"
            f"{' (the declared one)' if beside_baseline(effect, ablation) else ''}"
            for effect in effects
        ]
        more = len(differences) - MOST_LEVELS
        listed = differences if more <= 0 else [*differences[:MOST_LEVELS], f"so on for {more} more"]
        yield (
            f"At the same {others}, {factor} {second} minus {first} is {_listed(listed)}; what was not declared has no "
            "verdict."
        )


def beside_baseline(effect: Effect, ablation: AblationResult) -> bool:
    """Whether a simple effect is that of an arm beside the baseline, which has an answer of its own."""
    levels = next((arm.levels for table in ablation.tables for arm in table.arms if arm.baseline), {})
    return bool(levels) and effect.held.items() <= levels.items()


def _clause(answer: Answer) -> str:
    """One side in full."""
    side, beside = side_of(answer), answer.beside
    if answer.estimate is None:
        return _without_numbers([answer])
    match answer.finding:
        case "EQUIVALENT":
            within = f"within {share(answer.margin)} of what learning gains ({difference(answer)})"
            return f"{side} is EQUIVALENT to {beside} {within}{_seen(answer)}{_held(answer)}"
        case "BETTER" | "WORSE":
            by = f"by {_amount(answer)} of what learning gains"
            return f"{side} is {answer.finding} than {beside} {by}{_held(answer)}"
        case "INCOMPLETE":
            runs = f"{_absent(answer.absent, f' of {side} and {beside}')}, so that nothing is decided"
            return f"INCOMPLETE: {runs}; {side} minus {beside} is {difference(answer)} of what learning gains so far"
        case _:
            between = f"{side} minus {beside} is {difference(answer)} of what learning gains"
            seeds = f"{answer.seeds} seeds cannot tell {side} from {beside}"
            return f"TOO FEW SEEDS: {seeds}; {between}; {needed([answer])}"


def _clauses(answers: Sequence[Answer]) -> str:
    """Several sides with the same finding."""
    finding, names = answers[0].finding, _named(answers)
    if answers[0].estimate is None:
        return _without_numbers(answers)
    beside = "" if answers[0].factor else f" {_besides(answers)}"
    match finding:
        case "EQUIVALENT":
            margins = " or ".join(share(margin) for margin in sorted({answer.margin for answer in answers}))
            return f"EQUIVALENT{beside and ' to'}{beside} within {margins}: {names}"
        case "BETTER" | "WORSE":
            return f"{finding}{beside and ' than'}{beside}: {names}"
        case "INCOMPLETE":
            return f"INCOMPLETE, since planned runs are absent:{beside and ' beside'}{beside} {names} so far"
        case _:
            return f"TOO FEW SEEDS{beside and ' beside'}{beside} for {names}; {needed(answers)}"


def _absent(runs: int, of: str) -> str:
    return f"a planned run{of} is absent" if runs == 1 else f"{runs} planned runs{of} are absent"


def _without_numbers(answers: Sequence[Answer]) -> str:
    many, beside = f"{len(answers)} {'factors' if answers[0].factor else 'arms'}", _besides(answers)
    names = _listed([side_of(answer) for answer in answers]) if len(answers) <= MOST_NAMED else many
    match answers[0].finding:
        case "NOT LEARNED":
            return f"NOT LEARNED: neither {names} nor {beside} is shown to have learned anything"
        case "NO SCALE":
            return (
                f"NO SCALE: no task has a reference return by which {names} and {beside} could be compared over tasks"
            )
        case "INCOMPLETE":
            return f"INCOMPLETE: planned runs of {names} and {beside} are absent, so that nothing is decided"
        case _:
            return f"TOO FEW SEEDS: {names} and {beside} have not two scored runs each"


def needed(answers: Iterable[Answer]) -> str:
    """How many seeds would settle it, where any number would."""
    answers = list(answers)
    numbers = [answer.n_needed for answer in answers if answer.n_needed is not None]
    if len(numbers) < len(answers):
        return "no number up to 10,000 would settle it, if the difference is the one seen"
    few, now = (_from_to([*some]) for some in (numbers, {answer.seeds for answer in answers}))
    return f"{few} seeds instead of {now} would settle it, with a power of 80 %, if the difference is the one seen"


def _from_to(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def side_of(answer: Answer) -> str:
    """A side in words: an arm, or a factor with its level."""
    return f"{answer.factor} {answer.side}" if answer.factor else answer.side


def difference(answer: Answer) -> str:
    """The difference with the interval that the finding goes by."""
    ends = _ends(answer)
    assert ends, "a finding with numbers has its intervals"
    if same := _alike(answer):
        return f"{signed_percent(answer.estimate)}{same}"
    return with_range(answer.estimate, ends.low, ends.high, signed_percent)


def _signed_in_brackets(answer: Answer) -> str:
    """The same where it stands in brackets itself, and of so few runs as there are yet."""
    ends = _ends(answer)
    known = ends and ends.low is not None and not _alike(answer)
    between = f", {signed_percent(ends.low)}\u00a0to\u00a0{signed_percent(ends.high)}" if ends and known else ""
    return f"{signed_percent(answer.estimate)}{between}"


def _ends(answer: Answer) -> ConfidenceInterval | None:
    return answer.within if answer.finding == "EQUIVALENT" else answer.difference


def _amount(answer: Answer) -> str:
    """The same without its sign."""
    assert answer.difference and answer.estimate is not None, "a finding with numbers has its intervals"
    low, high, _ = answer.difference
    if low is None or high is None:
        return percent(abs(answer.estimate))
    low, high = (low, high) if answer.estimate > 0 else (-high, -low)
    return with_range(abs(answer.estimate), low, high, percent)


def _seen(answer: Answer) -> str:
    """That a difference is seen, and smaller than what matters."""
    if answer.p_adjusted is None or not answer.p_adjusted <= SIGNIFICANT:
        return ""
    return f", though {'better' if (answer.estimate or 0) > 0 else 'worse'} by less than that"


def _a_little(answer: Answer) -> str:
    """The same where several sides are told."""
    if answer.finding != "EQUIVALENT" or not _seen(answer):
        return ""
    return f", a little {'better' if (answer.estimate or 0) > 0 else 'worse'} by the adjusted p"


def _alike(answer: Answer) -> str:
    """That no run differs from its counterpart."""
    ends = answer.difference
    return ", the same runs" if ends and (ends.low, answer.estimate, ends.high) == (0, 0, 0) else ""


def _held(answer: Answer) -> str:
    if answer.held is None:
        return ""
    return ", as expected" if answer.held == "CONFIRMED" else f", where {answer.expected} was expected"


def _named(answers: Sequence[Answer]) -> str:
    """The sides with their differences, as many as can be read; of more, how many they are."""
    if len(answers) > MOST_NAMED:
        low, *_, high = sorted(answer.estimate or 0.0 for answer in answers)
        kind = "factors" if answers[0].factor else "arms"
        return f"{len(answers)} {kind}, between {signed_percent(low)} and {signed_percent(high)}"
    return ", ".join(
        f"{_told(answer)} ({_signed_in_brackets(answer)}{_alike(answer)}{_a_little(answer)}{_held(answer)})"
        for answer in answers
    )


def _told(answer: Answer) -> str:
    return f"{side_of(answer)} instead of {answer.beside}" if answer.factor else answer.side


def _besides(answers: Sequence[Answer]) -> str:
    return " or ".join(dict.fromkeys(answer.beside for answer in answers))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _over(answers: Sequence[Answer]) -> str:
    """Over which tasks, which are left out, and by what if not by final return, to stand before what was found."""
    tasks = list(dict.fromkeys(task for answer in answers for task in answer.tasks))
    left_out = dict.fromkeys(f"{task.task} ({task.why})" for answer in answers for task in answer.left_out)
    words = [f"over {len(tasks)} tasks"] if len(tasks) > 1 else [f"on {task}" for task in tasks]
    words += [f"without {_listed(list(left_out))}"] if left_out else []
    words += dict.fromkeys(f"by the {short(answer.outcome)}" for answer in answers if answer.outcome != SCORE)
    phrase = ", ".join(words)
    return f"{phrase[0].upper()}{phrase[1:]}: " if phrase else ""


def beside_the_questions(results: Results) -> Iterator[str]:
    """What else the study says, a sentence each: implementations, tuning, the gate."""
    yield from _of_agreements(results)
    for one in results.sensitivity:
        yield from _of_sensitivity(one)
    if any(row.gated for row in results.check):
        yield f"Against published results: {gate_line(results.check)}."


def what_failed(results: Results) -> Iterator[str]:
    """What a report warns of above all, a sentence each: endpoints that fail, runs that did not finish or are stale."""
    if fails := failing_in_words(results.check):
        yield f"What fails against published results: {fails}."
    if short := not_finished(results):
        yield f"Not finished: {_listed(short)} of {results.counts.planned} planned runs."
    if results.counts.stale:
        yield f"{results.counts.stale} runs are stale: other code made them, and they are in no average."


def _of_agreements(results: Results) -> Iterator[str]:
    """How many pairs of implementations agree, and the difference of each if they are few."""
    judged = [(one, one.equivalence.verdict) for one in results.agreements if one.equivalence]
    if not judged:
        return
    verdicts = [verdict for _, verdict in judged]
    counts = [f"{verdicts.count(one)} {one}" for one in dict.fromkeys(verdicts)]
    margin = share(results.settings.equivalence.margin)
    counted = f"Of {len(judged)} pairs of implementations of one preset, {_listed(counts)} within {margin}"
    pairs = [_of_pair(one, verdict, margin) for one, verdict in judged]
    yield f"{counted}: {'; '.join(pairs)}." if len(pairs) <= MOST_NAMED else f"{counted}."


def _of_pair(pair: Agreement, verdict: str, margin: str) -> str:
    """By how much one implementation is above the other, and whether that is more than the margin."""
    meanings = {"EQUIVALENT": f"within {margin}", "DIFFERENT": f"more than {margin}"}
    meaning = meanings.get(verdict, f"and whether that is within {margin} is open")
    amount, where = interval(pair.difference), f"{pair.variant} on {pair.task}"
    return f"with {where} {pair.a} minus {pair.b} is {amount}, {meaning}"


def _of_sensitivity(entry: Sensitivity) -> Iterator[str]:
    """What choosing settings gains: for each task instead of once for all, and over the settings as they are."""
    if not entry.variants:
        return
    of_each = _listed([f"{one.variant} {interval(one.sensitivity, score)}" for one in entry.variants])
    pairs = [f"; {one.a} minus {one.b} {interval(one.difference, score)}" for one in entry.differences]
    tuned = "Tuning for each task gains over the one setting that is best for all"
    yield f"{tuned} ({entry.implementation}, scores of the study's own scale): {of_each}{''.join(pairs)}."
    gains = _listed([f"{one.variant} {interval(one.gain, score)}" for one in entry.variants])
    yield f"Tuning for each task gains over the settings as they are: {gains}."
