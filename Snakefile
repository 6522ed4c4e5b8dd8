"""From raw interactions to the tables and figures of LLM-based sequential recommendation."""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"
include: "rules/data_files.smk"
include: "rules/backbone_files.smk"
include: "rules/recommender_files.smk"
include: "rules/tuning_files.smk"
include: "rules/targets.smk"
include: "rules/acquisition.smk"
include: "rules/data.smk"
include: "rules/recommenders.smk"
include: "rules/backbone.smk"
include: "rules/finetune.smk"
include: "rules/baselines.smk"
include: "rules/chat.smk"
include: "rules/evaluate.smk"
include: "rules/gradients.smk"
include: "rules/negative_transfer.smk"
include: "rules/sweep_cells.smk"
include: "rules/sweeps.smk"
include: "rules/report.smk"
include: "rules/page_files.smk"
include: "rules/pages.smk"
include: "rules/cluster.smk"


rule all:
    """The whole study: every artifact, table and figure, and the pages of its report."""
    default_target: True
    input:
        study_results(),
        study_pages(),


rule tables:
    """The metrics of the study and Table 1."""
    input:
        study_tables(),


rule figures:
    """The figures of the study."""
    input:
        study_figures(),
        gradient_figures(),
        sweep_figures(),
        negative_transfer_figures(),


rule predictions:
    """What every method chose, for every val and test sequence."""
    input:
        study_files("predictions.parquet"),


rule download_models:
    """The models that the study takes from the Hugging Face hub, in its cache: for nodes without a network."""
    input:
        model_downloads(),


rule plans:
    """What the fine-tunings of the study will need: memory and time, shown without submitting any."""
    input:
        fine_tuning_plans(),
