"""results.json: written and read in one place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def plain(value: object) -> object:
    """The same value of plain Python types; a number that is not finite is None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(study_dir: Path, name: str) -> object:
    """A JSON file of the study, or an empty list where the study has none."""
    path = Path(study_dir) / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
