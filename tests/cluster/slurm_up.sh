#!/usr/bin/env bash
# A SLURM of one node on this machine, for tests: slurm_up.sh up FOLDER, then slurm_up.sh down FOLDER.
#
# As root, with Debian's slurmctld, slurmd, slurm-client and munge; all that they write lies in FOLDER, nothing of an
# installed SLURM is touched. Programs find it by SLURM_CONF=FOLDER/slurm.conf and PATH=FOLDER/bin:$PATH. No cgroups and no
# accounting database, so that it runs in a container; a job that uses more memory than it asked for is killed all the same.
# Exit code 3 if this machine cannot have one, with the reason in one sentence.
set -euo pipefail
action=${1:?up or down} folder=$(realpath -m "${2:?a folder}")
export SLURM_CONF="$folder/slurm.conf" PATH="$PATH:/usr/sbin:/sbin"

down() {
  if [ -e "$folder/slurmctld.pid" ]; then # jobs would outlive the daemons
    timeout 10 scancel --me --state=PENDING 2>/dev/null || true
    timeout 10 scancel --me --full --signal=KILL 2>/dev/null || true
    sleep 1
  fi
  for one in slurmctld slurmd munged; do
    pid=$(cat "$folder/$one.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null && sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
  done
}

cannot() {
  sleep 1 # until those that did start have written their process's number
  down
  echo "no SLURM here: $1" >&2
  exit 3
}

up() {
  [ "$(id -u)" = 0 ] || cannot "it takes root to start the daemons"
  for program in munged slurmctld slurmd sbatch srun; do
    command -v "$program" >/dev/null || cannot "$program is not installed (apt-get install slurmctld slurmd slurm-client munge)"
  done
  mkdir -p "$folder"/{state,spool,bin}
  chmod 755 "$folder"
  host=$(hostname -s)
  port=$((20000 + $$ % 20000))
  head -c 1024 /dev/urandom >"$folder/munge.key"
  chmod 400 "$folder/munge.key"
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/none
JobRequeue=1
KillWait=30
MinJobAge=600
ReturnToService=2
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=1
PropagateResourceLimits=NONE
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc --all) RealMemory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
  # Snakemake's plugin takes SLURM_CONF away from the srun in a job, which looks in /etc/slurm then.
  printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" >"$folder/bin/srun"
  chmod 755 "$folder/bin/srun"
  munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munged.seed" || cannot "munged does not start"
  slurmctld -f "$SLURM_CONF" || cannot "slurmctld does not start"
  slurmd -f "$SLURM_CONF" || cannot "slurmd does not start"
  for _ in $(seq 60); do
    [ "$(timeout 5 sinfo --noheader --format=%t 2>/dev/null)" != idle ] || return 0
    sleep 0.5
  done
  cannot "the node does not come up ($(tail -n 1 "$folder/slurmd.log" 2>/dev/null))"
}

"$action"
