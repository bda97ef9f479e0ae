"""Every public function of the statistics says what goes in and what comes out, and its example runs."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

from suite import statistics

ROOT = Path(statistics.__file__).parents[2]
GUIDE = ROOT / "docs/statistics.md"
MODULES = {
    module.name: importlib.import_module(f"suite.statistics.{module.name}")
    for module in pkgutil.iter_modules(statistics.__path__)
}


def public(is_kind) -> dict[str, object]:
    """What the modules define under a public name, as "module.name"."""
    return {
        f"{name}.{key}": value
        for name, module in MODULES.items()
        for key, value in vars(module).items()
        if is_kind(value) and value.__module__ == module.__name__ and not key.startswith("_")
    }


FUNCTIONS, CLASSES = public(inspect.isfunction), public(inspect.isclass)


def parameters(function) -> list[str]:
    """What the lines "a, b: meaning" under "Parameters:" name."""
    section = re.search(r"^Parameters:\n((?: {4}.+\n)+)", inspect.getdoc(function), re.M)
    return re.findall(r"\w+", " ".join(re.findall(r"^ {4}([\w, ]+): \S", section[1], re.M))) if section else []


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(MODULES[name]).failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_goes_in_and_what_comes_out(name):
    function = FUNCTIONS[name]
    promise = inspect.getdoc(function).split("\n\n")[0]
    assert promise.endswith(".") and "\n" not in promise
    doc = inspect.getdoc(function)
    assert sorted(parameters(function)) == sorted(inspect.signature(function).parameters)
    assert re.search(r"^Returns: \S", doc, re.M)
    assert re.search(r"^>>> ", doc, re.M)
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(ast.parse(inspect.getsource(function))))
    assert re.search(r"^Raises ValueError: \S", doc, re.M) or not raises


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_types(name):
    signature = inspect.signature(FUNCTIONS[name])
    types = [signature.return_annotation, *(parameter.annotation for parameter in signature.parameters.values())]
    assert inspect.Signature.empty not in types


@pytest.mark.parametrize("name", CLASSES)
def test_a_result_says_what_its_fields_are(name):
    source = inspect.getsource(CLASSES[name])
    assert re.findall(r"^ {4}(\w+): .+  # \S", source, re.M) == list(CLASSES[name]._fields)


def used(tree: ast.AST) -> set[str]:
    """The names that a file imports or reads, alone or from a module."""
    read = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            read |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            read.add(node.attr)
        elif isinstance(node, ast.Name):
            read.add(node.id)
    return read


def test_a_function_that_the_suite_does_not_use_is_documented_as_library():
    guide = GUIDE.read_text().split("## As a library")[1].split("\n## ")[0]
    in_use = set().union(*(used(ast.parse(file.read_text())) for file in (ROOT / "suite").rglob("*.py")))
    missing = [name for name, value in FUNCTIONS.items() if value.__name__ not in in_use and f"{name}(" not in guide]
    assert FUNCTIONS and not missing


def test_examples_of_the_guide_run():
    result = doctest.testfile(str(GUIDE), module_relative=False)
    assert result.attempted and result.failed == 0
