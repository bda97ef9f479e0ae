"""all <- report <- figures, check <- statistics <- gather <- run; suite.plan knows which runs a config means."""

import os
import sys

sys.path.insert(0, workflow.basedir)

from suite import UsageError, plan

CONFIG = os.path.relpath(workflow.configfiles[-1]) if workflow.configfiles else "config/paper.yaml"
try:
    STUDY = plan.Plan(CONFIG)
    STUDY.check_writable()
except UsageError as mistake:
    print(f"error: {mistake}", file=sys.stderr, flush=True)
    os._exit(2)  # before Snakemake wraps the sentence into a traceback; nothing has been started

RESULTS, TABLES, REPORT = STUDY.config.results, STUDY.study_dir, STUDY.report_dir
SUITE = f"{sys.executable} -m suite"
TRIES = 4

rule all:
    input:
        REPORT / "report.html",


rule run:
    output:
        f"{RESULTS}/{plan.RECORD}",
    wildcard_constraints:
        **plan.WILDCARDS,
    log:
        f"{RESULTS}/{plan.WORK}/{{env_steps}}.log",
    retries: TRIES - 1
    resources:
        attempt=lambda wildcards, attempt: attempt,
    shell:
        "exec {SUITE} run --config {CONFIG} --attempt {resources.attempt} --attempts {TRIES}"
        " --stop-with-parent {output} > {log} 2>&1"


rule gather:
    input:
        runs=list(STUDY.runs),
        made_by=[CONFIG, *plan.code_files()],
    output:
        expand(TABLES / "{name}.parquet", name=["manifest", "runs", "episodes", "diagnostics"]),
        expand(TABLES / "{name}.json", name=["ablations", "sources"]),
    shell:
        "{SUITE} gather --config {CONFIG}"


rule statistics:
    input:
        rules.gather.output,
    output:
        TABLES / "results.json",
    shell:
        "{SUITE} statistics --config {CONFIG}"


rule check:
    input:
        rules.gather.output,
    output:
        report(TABLES / "check.json", category="Regression check"),
    shell:
        "{SUITE} check --config {CONFIG}"


rule figures:
    input:
        rules.statistics.output,
    output:
        report(directory(REPORT / "figures"), patterns=["{name}.png"], category="Figures"),
    shell:
        "{SUITE} figures --config {CONFIG}"


rule report:
    input:
        rules.statistics.output,
        rules.check.output,
        rules.figures.output,
    output:
        report(REPORT / "report.html", category="Report"),
    shell:
        "{SUITE} report --config {CONFIG}"
