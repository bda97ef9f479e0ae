"""The command line: python -m suite COMMAND. Every mistake of the caller is one sentence and exit code 2."""

from __future__ import annotations

import os

# One thread per process, and before any of them loads its numeric library: it is faster here, and fair.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from suite.cli import main

if __name__ == "__main__":
    main()
