"""Derive a source's table from its published per-seed evaluations: `python -m suite.references.derive SOURCE FILE`.

FILE is a table of every published evaluation with the columns variant, env, seed, step and value. Only the window
means that the suite compares with are kept; the evaluations themselves stay with whoever published them.
"""

import sys

import pandas as pd

from suite.references import HERE, read_metadata, trailing_mean


def derive(evaluations: pd.DataFrame, metadata: dict[str, dict]) -> pd.DataFrame:
    """Trailing window mean [reward units] per variant, seed and point, with the number of evaluations behind it."""
    rows = []
    for variant, fields in metadata.items():
        mine = evaluations[(evaluations["variant"] == variant) & (evaluations["env"] == fields["environment"])]
        for seed, run in mine.groupby("seed"):
            for at in fields["points"]:
                value, n = trailing_mean(run["step"], run["value"], at, fields["evaluate_every"])
                rows.append((variant, seed, at, n, round(value, 3)))
    return pd.DataFrame(rows, columns=["variant", "seed", "env_step", "evaluations", "value"])


def main(source: str, file: str) -> None:
    """Writes `<source>.csv` beside the source's metadata."""
    table = derive(pd.read_csv(file), read_metadata(HERE / f"{source}.yaml"))
    table.to_csv(HERE / f"{source}.csv", index=False)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("suite.references.derive: name the source and the file of its per-seed evaluations")
    main(*sys.argv[1:])
