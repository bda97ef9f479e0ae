"""The command line: python -m suite COMMAND. Every mistake of the caller is one sentence and exit code 2."""

from __future__ import annotations

import os
import sys

# One thread per process, and before any of them loads its numeric library: it is faster here, and fair.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

if __name__ == "__main__":
    try:
        from suite.cli import main

        main()
    except KeyboardInterrupt:  # wherever it comes: there is nothing to tell
        sys.exit(130)
