"""From raw interactions to the tables and figures of LLM-based sequential recommendation."""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"
include: "rules/acquisition.smk"
include: "rules/data.smk"
include: "rules/backbone.smk"
include: "rules/recommenders.smk"
include: "rules/finetune.smk"
include: "rules/baselines.smk"
include: "rules/chat.smk"
include: "rules/evaluate.smk"
include: "rules/gradients.smk"
include: "rules/negative_transfer.smk"
include: "rules/feedback.smk"
include: "rules/random_splits.smk"
include: "rules/full_ranking.smk"
include: "rules/generative.smk"
include: "rules/drift.smk"
include: "rules/scarcity.smk"
include: "rules/sweeps.smk"
include: "rules/figures.smk"
include: "rules/tables.smk"
include: "rules/pages.smk"


rule all:
    """The whole study: every artifact, table and figure, and the pages of its report."""
    default_target: True
    input:
        lambda wildcards: [*study_results(study), *every_file(PAGES, study), layout.costs],


rule tables:
    """The metrics of the study, Table 1 and every other table."""
    input:
        lambda wildcards: [*targets.evaluation_tables(), *every_file(TABLES, study)],


rule figures:
    """The figures of the study."""
    input:
        lambda wildcards: every_file(FIGURES, study),


rule predictions:
    """The predictions of every method for every val and test sequence."""
    input:
        targets.predictions,


rule download_models:
    """Download the study's models from the Hugging Face hub into its cache, for nodes without network access."""
    input:
        models.downloads(),


rule plans:
    """Show the resources that the study's fine-tunings and full rankings will need, without submitting any."""
    input:
        tuning.plans(),
        full_ranking.plans(),


rule_defaults.set_logs(workflow.rules, layout.results, layout.logs, layout.benchmarks)
