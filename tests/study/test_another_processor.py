"""A released study's numbers do not hang on the processor: to 1e-9, they are those of one without AVX and FMA."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders.runs import ROOT

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="of another kind of processor nothing is known")

STUDIES = sorted(path.parent.name for path in ROOT.glob("results/released/*/SHA256SUMS"))
OLDER = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps="
    + ",".join(f"-{one}" for one in ("AVX", "AVX2", "FMA", "AVX512F", "AVX512VL")),
    "NPY_DISABLE_CPU_FEATURES": " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])),
    "OPENBLAS_CORETYPE": "NEHALEM",
    "ARROW_USER_SIMD_LEVEL": "NONE",
}
"""What makes libm, NumPy, BLAS and Arrow compute as on a processor of 2008."""


def report(folder: Path, study: str, **environment: str) -> dict[str, dict[str, object]]:
    """Every value of a study's results, verdicts and tables, by file and by its place there."""
    shutil.copytree(ROOT / "results/released" / study, folder / "released")
    command = [sys.executable, "-m", "suite", "report", "--from", "released"]
    settings = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    values = {
        path.name: dict(leaves(json.loads(path.read_text())))
        for path in (folder / "released/studies" / study / f"{name}.json" for name in ("results", "check"))
    }
    for path in sorted((folder / "reports").rglob("*.csv")):
        values[path.name] = dict(leaves(pd.read_csv(path).to_dict("list")))
    return values


def leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, f"{place}/{key}")
    else:
        yield place, value


def same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
    return a == b


def test_the_older_processor_is_one():
    code = "import numpy, pyarrow; print(numpy.show_config(mode='dicts')['SIMD Extensions'].get('found', []), "
    code += "pyarrow.runtime_info().simd_level)"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | OLDER, capture_output=True, text=True)
    assert done.stdout == "[] none\n", done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_a_report_says_the_same_on_an_older_processor(study, tmp_path):
    (tmp_path / "present").mkdir()
    (tmp_path / "older").mkdir()
    present, older = report(tmp_path / "present", study), report(tmp_path / "older", study, **OLDER)
    assert present.keys() == older.keys()
    for file, values in present.items():
        assert values.keys() == older[file].keys(), file
        differing = {
            place: (one, older[file][place]) for place, one in values.items() if not same(one, older[file][place])
        }
        assert not differing, (file, differing)
