"""What every test shares: one numeric thread, the same examples on every machine, one random generator."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None)  # the same examples on every machine, however slow
settings.load_profile("suite")

LONGEST = (
    "study/test_pipeline.py",
    "implementations/test_parity.py",
    "specimens/test_golden.py",
    "gate/test_baseline.py",
    "report/test_page.py",
    "lab/test_training.py",
    "gate/test_check.py",
    "implementations/test_codebases.py",
    "implementations/test_adapters.py",
    "bench/test_engines.py",
    "test_wheel.py",
)
"""The modules that take most processor time, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first: a module runs in one process, and none of these should be left for the end."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.location[0].removeprefix("tests/"), len(ranks)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
