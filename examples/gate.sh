#!/usr/bin/env bash
# Holds a library's own SAC runs against published ones: gate.sh RUNS, a folder with a log per seed (evaluations.npz).
# Ends with 0; 1 where the runs fall short of a published result; 2 where something is wrong; 3 where nothing compares;
# 4 where the runs are too few to tell. Further words go to the check: --undecided ok.
# gate.html and gate.md in OUT say what the check says, the latter also in a CI job's summary.
# NAME, TASK and PRESET say what the runs are; OUT is the folder that is written; KIND is how evaluations acted (mean or
# sample), of logs that do not say.
set -euo pipefail
runs=${1:-}
[ -n "$runs" ] || { echo "error: which folder holds the runs? say gate.sh RUNS" >&2; exit 2; }
out=${OUT:-gate}
config=$out/${NAME:-mylib}.yaml
mkdir -p "$out" || exit 2
python -m suite import "$runs" --task "${TASK:-Pendulum-v1}" --implementation "${NAME:-mylib}" \
  --preset "${PRESET:-stable_baselines3_common}" ${KIND:+--kind "$KIND"} --results "$out/results" --write-config "$config"
python -m suite gather --config "$config"
python -m suite check --config "$config" --gate --ci "$out" "${@:2}"
