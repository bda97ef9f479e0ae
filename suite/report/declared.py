"""What is on record as declared, in words."""

from __future__ import annotations

from itertools import pairwise

from suite.analysis.types import Declaration, DeclarationEntry


def declared_in_words(declaration: Declaration | None) -> list[str]:
    """When margins, families and plan were declared, and every change of them since, counted in runs on record."""
    if declaration is None:
        return ["No declaration is on record, so nothing here may be called declared beforehand."]
    first, *changes = declaration.history
    sentences = [f"{'First declared' if changes else 'Declared'} {_when(first)}."]
    for before, after in pairwise(declaration.history):
        sentences.append(f"Changed {_when(after)}: {' and '.join(_changes(before, after))}.")
    if changes:
        sentences.append(f"So what stands here was declared {_when(changes[-1])}.")
    return sentences


def _changes(before: DeclarationEntry, after: DeclarationEntry) -> list[str]:
    words = []
    if before.sha256 != after.sha256:
        words.append(f"the declaration ({before.sha256[:10]} became {after.sha256[:10]})")
    if before.plan_sha256 != after.plan_sha256:
        words.append(f"the plan ({before.planned} planned runs became {after.planned})")
    return words


def _when(entry: DeclarationEntry) -> str:
    if entry.records_before:
        return f"after {entry.records_before} of its {entry.planned} planned runs had a record"
    return f"before any of its {entry.planned} planned runs had a record"
