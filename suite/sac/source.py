"""Digests of source text that see what it means: comments, docstrings and layout change nothing."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
"""The folder that holds suite/ and implementations/."""


def digest(files: Iterable[Path]) -> str:
    """Ten hex digits of the syntax trees of Python files; Python's own version does not change them."""
    digested = hashlib.sha256()
    for file in files:
        digested.update(f"{file.name}:{_meaning_of(file.read_text())}".encode())
    return digested.hexdigest()[:10]


def file_digest(file: Path) -> str:
    """Ten hex digits of a file's bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]


def file_of(module: str) -> Path:
    """The file of a dotted module: of this project, or of an installed package, which is not imported for it."""
    ours = ROOT / (module.replace(".", "/") + ".py")
    if ours.is_file():
        return ours
    return Path(importlib.util.find_spec(module).origin)  # type: ignore[union-attr,arg-type]


def with_siblings(file: Path) -> list[Path]:
    """A file of implementations/ and those of that folder that it imports, directly or through another; sorted."""
    reached, left = set(), [file]
    while left:
        current = left.pop()
        if current not in reached:
            reached.add(current)
            left += _siblings(current)
    return [file, *sorted(reached - {file})]


def _siblings(file: Path) -> list[Path]:
    """The files of implementations/ that a file imports."""
    paths = (ROOT / (name.replace(".", "/") + ".py") for name in _imported(file.read_text()))
    return [path for path in paths if path.is_file() and path.parent.name != "presets"]


@cache  # by the text: what many cells and parts ask of one file is read from its syntax once
def _imported(text: str) -> frozenset[str]:
    """The names of implementations/ that a text imports."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if name.startswith("implementations."))


@cache
def _meaning_of(text: str) -> str:
    return _meaning(ast.parse(text))


def _meaning(node: object) -> str:
    """A text of the tree's meaning: names and values, no positions, no docstrings, no empty fields."""
    if isinstance(node, ast.AST):
        parts = []
        for name, child in ast.iter_fields(node):
            if name == "body" and _has_docstring(node):
                child = child[1:]
            if name != "kind" and child is not None and child != []:
                parts.append(f"{name}={_meaning(child)}")
        return f"{type(node).__name__}({','.join(parts)})"
    return "[" + ",".join(map(_meaning, node)) + "]" if isinstance(node, list) else repr(node)


def _has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
