"""The study, common settings of its rules, and the hooks before and after a run."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
# Snakemake puts the folder of scripts last in their search path, so jobs would use an installed library instead.
installed = find_spec("ilora")
if installed is not None and not Path(installed.origin).resolve().is_relative_to(SCRIPTS.resolve()):
    raise WorkflowError(
        f"{installed.origin}: found an installed library ilora, which jobs would use instead of {SCRIPTS / 'ilora'}. "
        "Use an environment without it (pip uninstall ilora), such as the one created by `make`."
    )
sys.path.insert(0, str(SCRIPTS))

import attempts
import one_run
import recorded_settings
import rule_defaults
import run_display
import slurm_jobs
from ilora.code_version import CodeVersions
from ilora.configuration.validation import ConfigurationError
from ilora.datasets.register import DATASETS
from ilora.evaluation.answer_sample import SAMPLE
from ilora.garbage import spare_imports
from ilora.layout import fill
from ilora.library_messages import disable_progress_bars
from ilora.study.data import DataFiles
from ilora.study.requests import Requests
from ilora.study.study import Study, methods_that
from ilora.study.targets import Targets

spare_imports()

if " " in sys.executable:
    raise WorkflowError(
        f"{sys.executable}: found a space in the path of Python, with which Snakemake cannot start scripts. Move this folder or "
        "the virtual environment to a path without spaces; results and data may be anywhere."
    )
try:
    study = Study.load(config, os.environ)
except ConfigurationError as error:
    raise WorkflowError(str(error)) from None

layout = study.layout
requests = Requests(study.config.resources, study.config.backbone)
targets = Targets(study)
data = DataFiles(study)
models, recommenders, tuning, sweeps = targets.models, targets.recommenders, targets.tuning, targets.sweeps
random_splits, full_ranking = targets.random_splits, targets.full_ranking
generative, drift, feedback = targets.generative, targets.drift, targets.feedback
scarcity = targets.scarcity
code_version = CodeVersions(SCRIPTS)

rule_defaults.set_resources(workflow, requests.usual)
recorded_settings.consult_records()

# Jobs inherit these. Progress is shown by rules, not by libraries; and no library looks anything up on the hub for a
# study that takes nothing from there.
disable_progress_bars()
if not models.names_hub_model:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


wildcard_constraints:
    **study.wildcards,


# Before planning, because a stopped job removes its files. Processes of jobs parse this file too, but skip this.
if workflow.is_main_process and not workflow.output_settings.dryrun:
    try:
        if one_run.was_started_to_run():
            one_run.begin()
        slurm_jobs.cancel_dead_runs()
    except (one_run.AnotherRunError, slurm_jobs.SlurmJobsError) as error:
        raise WorkflowError(str(error)) from None


onstart:
    try:
        one_run.confirm()
        slurm_jobs.begin_run(slurm_jobs.run_id(workflow))
        if slurm_jobs.run_id(workflow) is not None:
            slurm_jobs.check_slurm(
                workflow.scheduler._executor,
                (job for job in workflow.dag.needrun_jobs() if not workflow.is_local(job.rule)),
            )
    except (one_run.AnotherRunError, slurm_jobs.SlurmJobsError) as error:
        raise WorkflowError(str(error)) from None
    attempts.tell_stops_from_failures(workflow)
    run_display.begin(
        workflow, study.config.study, study.config.results, (study.config.protocol, study.backbone_id)
    )


onsuccess:
    slurm_jobs.forget_run(slurm_jobs.run_id(workflow))
    try:
        recorded_settings.check_finished_run(workflow.dag.jobs)
    except recorded_settings.RecordedSettingsError as error:
        raise WorkflowError(str(error)) from None


onerror:
    try:
        slurm_jobs.cancel_run(slurm_jobs.run_id(workflow))
    except slurm_jobs.SlurmJobsError as error:
        raise WorkflowError(str(error)) from None
