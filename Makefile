# Each target sets up .venv from the lock by itself. CONFIG and CORES may be given: make sweep CONFIG=config/reduced.yaml
PYTHON ?= python3.11
CORES ?= $(shell nproc 2>/dev/null || echo 2)
CONFIG ?= config/paper.yaml
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS := 1
export CONFIG

.PHONY: run test test-slow test-slurm test-kubernetes soak sweep paper bench bench-gpu docs findings reproduce lint lock clean

run: $(VENV)/ready
	$(BIN)/python -m suite sweep --config config/quick.yaml --cores $(CORES) -- --config runs_per_job=1min

sweep: $(VENV)/ready
	$(BIN)/python -m suite sweep --config "$$CONFIG" --cores $(CORES)

# reports/{study}/paper.pdf: the main figures and tables of a study whose report is made. paper/ has them in LaTeX.
paper: $(VENV)/ready
	$(BIN)/python -m suite paper --config "$$CONFIG"

# A module's tests stay in one process, which trains what they share once; tests/conftest.py puts the longest first.
test: $(VENV)/ready lint
	$(BIN)/python -m pytest -m "not slow and not slurm" -n $(CORES) --dist loadscope --no-loadscope-reorder

test-slow: $(VENV)/ready
	$(BIN)/python -m pytest -m "slow and not slurm" -s

# As root, with Debian's slurmctld, slurmd, slurm-client and munge; skipped, with the reason, where that cannot be.
SLURM_TESTS = slurm
test-slurm: $(VENV)/ready
	$(BIN)/python -m pytest -m "$(SLURM_TESTS)" tests/cluster

# With SAC_SUITE_IMAGE, an image of profiles/kubernetes/Containerfile that podman has, the pods are its containers.
test-kubernetes: .venv-kubernetes/ready .venv-storage/ready
	.venv-kubernetes/bin/python -m pytest tests/kubernetes -s

SEED = 0
FIRST = 0
FAULTS = 1000
soak: $(VENV)/ready
	$(BIN)/python tests/faults/soak.py --seed $(SEED) --first $(FIRST) --faults $(FAULTS) --workers $(CORES)
	$(BIN)/python tests/faults/quick_killed.py --seed $(SEED)

bench: $(VENV)/ready .venv-tianshou/ready .venv-rliable/ready
	$(BIN)/python -m suite bench
	$(BIN)/python -m suite bench --blocks 1,5,10,20 --seconds 20 --output reports/bench-blocks.json
	$(BIN)/python -m suite bench --statistics
	$(BIN)/python -m suite bench --pipeline

# Seeds in lockstep, on the accelerator if JAX finds one: in less than 8 minutes, with nothing but the packages.
bench-gpu: $(VENV)/ready
	$(BIN)/python -m suite bench --blocks 1,5,10,20,50,100 --seconds 40 --output reports/bench-gpu.json

# The site, build/site/index.html: its answers are those of the released studies' reports, which take minutes where they
# are not made yet. After a change of the code that makes them: rm -r reports/STUDY.
RELEASED := $(patsubst %/SHA256SUMS,%,$(wildcard results/released/*/SHA256SUMS))
REPORTS := $(patsubst results/released/%,reports/%/summary.json,$(RELEASED))
docs: $(VENV)/ready .venv-docs/ready $(REPORTS)
	$(BIN)/python -m suite site --output build
	cd build && ../.venv-docs/bin/zensical build --clean --strict --config-file mkdocs.yml

# What the released studies found: docs/findings.md, from their reports.
findings: $(VENV)/ready $(REPORTS)
	$(BIN)/python -m suite findings

# Ten released runs that seed 1 draws, trained again and held against their records.
reproduce: $(VENV)/ready
	$(BIN)/python -m suite reproduce --draw 10 --seed 1 --sources both --cores $(CORES) --out results/released/reproduced.csv $(RELEASED)

reports/%/summary.json: results/released/%/SHA256SUMS | $(VENV)/ready
	$(BIN)/python -m suite report --from results/released/$* --workers $(CORES)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

define environment
	"$(PYTHON)" -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
endef
INSTALL_SUITE = $(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .

$(VENV)/ready: requirements.lock pyproject.toml
	$(environment)
	$(INSTALL_SUITE)
	touch $@

# A package that cannot live with the suite's own requirements: the suite itself is put beside it for its contract.
.venv-%/ready: implementations/adapters/%.lock
	$(environment)
	$(INSTALL_SUITE)
	touch $@

# The suite's own environment with what a sweep on Kubernetes needs beside it, and what its tests need.
.venv-kubernetes/ready: profiles/kubernetes/requirements.lock tests/kubernetes/requirements.lock $(VENV)/ready
	"$(PYTHON)" -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps $(patsubst %,-r %,$(filter %.lock,$^))
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
	  > "$$($(@D)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/suite.pth"
	touch $@

# Snakemake with its storage plugin, and a server that speaks S3: boto's dateutil is older than the suite's.
.venv-storage/ready: profiles/storage/requirements.lock tests/kubernetes/storage.lock
	$(environment)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps -r tests/kubernetes/storage.lock
	touch $@

# What makes the site of Markdown.
.venv-docs/ready: docs/requirements.lock
	$(environment)
	touch $@

# What the tests and the benchmark compare the statistics with; where it is not set up, they say so.
.venv-rliable/ready: tests/rliable.lock
	$(environment)
	touch $@

# Locks are exact, for Python 3.11, against the package index. The CUDA packages of torch's wheel stay out of them (pip
# adds them where the wheel asks for them), and so does the local version label of a CPU build.
lock:
	"$(PYTHON)" -m venv .venv-lock
	.venv-lock/bin/pip install --quiet pip-tools
	echo "torch==2.13.0" > .venv-lock/pins.txt
	$(COMPILE) --all-extras --output-file requirements.lock pyproject.toml
	$(COMPILE) --output-file implementations/adapters/tianshou.lock implementations/adapters/tianshou.in
	$(COMPILE) --output-file tests/rliable.lock tests/rliable.in
	$(COMPILE) --output-file docs/requirements.lock docs/requirements.in
	$(COMPILE) --output-file profiles/storage/requirements.lock profiles/storage/requirements.in
	$(call COMPILE_BESIDE,requirements.lock,profiles/kubernetes/requirements)
	$(call COMPILE_BESIDE,requirements.lock,tests/kubernetes/requirements)
	$(call COMPILE_BESIDE,profiles/storage/requirements.lock,tests/kubernetes/storage)
	sed -i -E 's/^(torch==[0-9.]+)\+cpu/\1/; /^(nvidia-|cuda-|triton)/d; /^ *#/d; /^$$/d' \
	  requirements.lock implementations/adapters/*.lock tests/*.lock
	rm -rf .venv-lock

COMPILE = .venv-lock/bin/pip-compile --quiet --strip-extras --allow-unsafe --constraint .venv-lock/pins.txt \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-annotate --no-header

# What is needed beside another lock, at the versions which that one has: $(1) the lock, $(2) the new one's name.
COMPILE_BESIDE = $(COMPILE) --constraint $(1) --output-file $(2).lock $(2).in \
  && { grep -vxFf $(1) $(2).lock > $(2).new; mv $(2).new $(2).lock; }

clean:
	rm -rf $(VENV) .venv-* .snakemake .mypy_cache build
