"""How `snakemake --report` shows what a study made: by category, with a caption and a label."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from suite.study.plan import Plan

TEMPLATES = Path(__file__).resolve().parents[1] / "report" / "templates"
CATEGORIES = {"report": "Report", "figure": "Figures", "table": "Tables", "check": "Regression check"}


def shown(plan: Plan, kind: Literal["report", "figure", "table", "check"]) -> dict[str, Any]:
    """What Snakemake's report() is told of an output; figures and tables are named by the wildcard of their pattern."""
    name = "{name}" if kind in ("figure", "table") else plan.study
    return {"category": CATEGORIES[kind], "caption": str(_caption(plan, kind)), "labels": {kind: name}}


def _caption(plan: Plan, kind: str) -> Path:
    """The template of a caption; figures have one of their own, written with them, where they are drawn."""
    drawn = (plan.report_dir / "figures" / "captions.rst").absolute()
    return drawn if kind == "figure" and drawn.is_file() else TEMPLATES / f"{kind}.rst"
