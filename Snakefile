"""all <- report <- figures <- statistics <- check <- gather <- run; suite.study.plan knows which runs a config means."""

import shlex
import sys
from pathlib import Path

HOME = Path(workflow.snakefile).parent
if Path(HOME, "suite").is_dir():  # a checkout, which need not be installed
    sys.path.insert(0, str(HOME))

from suite.study import plan
from suite.study.captions import shown

STUDY, RULES = plan.for_snakemake(workflow.configfiles, workflow.config_settings.config, config)
TABLES, REPORT = STUDY.study_dir, STUDY.report_dir
SUITE = f"{shlex.quote(sys.executable)} -m suite --parent $PPID"  # no step outlives this process by 5 s
CONFIG = f"--config {shlex.quote(str(STUDY.path))}"  # in f-strings: a module's shell lines do not see its names
TRIES = 4


onstart:  # before the first run, never in a dry run: the results are this sweep's; plan and declaration go on record
    plan.own(STUDY)
    shell(f"{SUITE} manifest {CONFIG}")


rule all:
    input:
        list(STUDY.runs),  # named here too: one that is not there is made again though what follows is up to date
        STUDY.made_of,
        REPORT / "report.html",


for training in RULES:
    # One run a job, unless a profile says otherwise. Of several, those that have a record already keep it.
    rule:
        name: training.name
        output: (update if len(training.records) > 1 else list)(training.records)
        wildcard_constraints:
            cell=training.cells,
            seed="[0-9]+",
            env_steps="[0-9]+",
        log: training.log
        params: training.how
        priority: training.priority
        retries: TRIES - 1 if workflow.is_main_process else 0  # a cluster's job reads this file too
        resources:
            attempt=lambda wildcards, attempt: attempt,
            mem_mb=training.mem_mb,
            runtime=training.runtime,
        shell:
            f"exec {SUITE} run {CONFIG} {{params:q}} --attempt {{resources.attempt}} --attempts {TRIES}"
            " -- {output:q} > {log:q} 2>&1"


rule gather:  # it joins everything to the manifest, which is no output: Snakemake would delete it first
    input: list(STUDY.runs)
    output:
        STUDY.made_of,  # named by the content of config and code: who changes them asks for another file
        expand(TABLES / "{name}.parquet", name=["runs", "evaluations", "diagnostics"]),
        expand(TABLES / "{name}.json", name=["ablations", "sources"]),
    shell: f"{SUITE} gather {CONFIG}"


rule check:
    input: rules.gather.output
    output: report(TABLES / "check.json", **shown(STUDY, "check"))
    shell: f"{SUITE} check {CONFIG} || [ $? -eq 3 ]"  # 3: nothing comparable is published, which is no fault


rule statistics:
    input: rules.gather.output, rules.check.output
    output: TABLES / "results.json"
    threads: 8  # or as many as --cores gives
    shell: f"{SUITE} statistics {CONFIG} --workers {{threads}}"


rule figures:
    input: rules.statistics.output
    output: report(directory(REPORT / "figures"), patterns=["{name}.png"], **shown(STUDY, "figure"))
    threads: 8
    shell: f"{SUITE} figures {CONFIG} --workers {{threads}}"


rule report:
    input: rules.statistics.output, rules.figures.output
    output:
        report(REPORT / "report.html", **shown(STUDY, "report")),
        report(directory(REPORT / "tables"), patterns=["{name}.csv"], **shown(STUDY, "table")),
    shell: f"{SUITE} report {CONFIG}"
