"""JSON that commands print: every reader takes it, whatever the numbers."""

from __future__ import annotations

import json
import math
from typing import NamedTuple

from builders.runs import ROOT

from suite.cli.app import as_json_text


class Row(NamedTuple):
    name: str
    values: tuple[float, ...]


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def test_numbers_that_are_not_finite_are_null():
    text = as_json_text({"rows": [Row("a", (1.5, math.inf, -math.inf, math.nan))], "total": math.inf})
    assert json.loads(text, parse_constant=refuse) == {
        "rows": [{"name": "a", "values": [1.5, None, None, None]}],
        "total": None,
    }


def test_no_command_writes_json_by_itself():
    writers = [path.name for path in sorted((ROOT / "suite/cli").glob("*.py")) if "json.dump" in path.read_text()]
    assert writers == ["app.py"]
