"""What every test shares: one numeric thread, the same examples on every machine, one random generator."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import filelock
import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None)  # the same examples on every machine, however slow
settings.load_profile("suite")

LONGEST = (
    "study/test_pipeline.py",
    "study/test_every_arm.py",
    "implementations/test_parity.py",
    "implementations/test_codebases.py",
    "faults/test_signals.py",
    "specimens/test_golden.py",
    "gate/test_baseline.py",
    "faults/test_soak.py",
    "lab/test_training.py",
    "study/test_paths.py",
    "lab/test_tracking.py",
    "report/test_page.py",
    "report/test_page_in_a_browser.py",
    "faults/test_full_disk.py",
    "faults/test_doctor.py",
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


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of four runs, from its config to its report, that nothing has disturbed: to read or copy.

    The processes that run tests side by side share it; who needs it first makes it.
    """
    from builders.sweeps import config, start_sweep  # here: of what it loads, most rooms' tests need nothing

    alone = "PYTEST_XDIST_WORKER" not in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base if alone else base.parent) / "whole"
    with filelock.FileLock(folder.with_suffix(".lock")):
        if not (folder / "made").exists():
            folder.mkdir()
            config(folder)
            assert start_sweep(folder, folder / "log").wait(600) == 0, (folder / "log").read_text()
            (folder / "made").touch()
    return folder


@pytest.fixture
def svg_alone() -> Iterator[None]:
    """Figures are drawn as the page shows them: PDF and PNG, two thirds of the time, are for tests of files."""
    from suite.report.figures.canvas import METADATA

    formats = dict(METADATA)
    for kind in ("pdf", "png"):
        del METADATA[kind]
    yield
    METADATA.clear()
    METADATA.update(formats)  # in their order
