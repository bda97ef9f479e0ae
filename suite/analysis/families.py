"""p values adjusted for the number of questions asked together."""

from __future__ import annotations

import numpy as np

from suite.analysis.declared import Declared
from suite.statistics import multiplicity


def adjust_families(found: dict, declared: Declared) -> dict:
    """Puts `p_adjusted`, `family` and `family_size` beside every p of a declared family; says what the families are.

    The regression check has adjusted its own rows: its gate, too, must stand where no statistics are made.
    """
    members: dict[str, list[dict]] = {
        "equivalence": [row for row in found["equivalence"] if row["p"] is not None],
        "ablation": [
            effect for ablation in found["ablations"] for suite in ablation["suite"] for effect in suite["effects"]
        ],
        "exploratory": [
            entry
            for ablation in found["ablations"]
            for table in ablation["tables"]
            for entry in (
                *(arm["difference"] for arm in table["arms"] if arm["difference"]),
                *(table["factorial"]["effects"] if table["factorial"] else ()),
            )
        ],
    }
    told = {}
    for family, entries in members.items():
        method = declared.families[family]
        raw = np.array([np.nan if entry["p"] is None else entry["p"] for entry in entries])
        adjusted = multiplicity.adjust(raw, method) if len(raw) else raw
        size = int(np.isfinite(raw).sum())
        for entry, p in zip(entries, adjusted, strict=True):
            entry |= {"p_adjusted": float(p), "family": family, "family_size": size}
        told[family] = {"method": method, "size": size}
    size = max((row["family_size"] or 0 for row in found["check"]), default=0)
    return told | {"regression": {"method": declared.families["regression"], "size": size}}
