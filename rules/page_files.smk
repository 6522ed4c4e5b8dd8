# What the pages of the report tell of: the study's results, the jobs that made them, its settings.

from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.study import StudyConfig
from ilora.configuration.presets import LEARNING_RATES, preset_values
from ilora.layout import parse_run

# The methods that answer in text.
WRITING_METHODS = [method for method in METHODS if method in (*BACKBONE_METHODS, *CHAT_METHODS)]

# The language models behind these answers, as they stand above pages and figures.
WRITING_MODELS = ", ".join(
    dict.fromkeys(CHAT_MODEL if method in CHAT_METHODS else BACKBONE for method in WRITING_METHODS)
)

# What the figure of breakdowns shows: the language model, and the recommender that guides it.
BROKEN_DOWN_METHODS = [
    name for name in METHODS if name in (STUDY.recommenders.sequence_encoder, *WRITING_METHODS)
]


def study_results():
    """Return every artifact, table and figure of the study: what its pages tell of."""
    return [
        *study_artifacts(),
        *study_tables(),
        *study_figures(),
        *gradient_figures(),
        *sweep_figures(),
        *negative_transfer_figures(),
    ]


def answer_pages():
    """Return every file about the answers of the study's methods."""
    tables = ["error_analysis.html", "error_analysis.tex", *(["answers.html"] if WRITING_METHODS else [])]
    figures = ["answer_categories", "error_breakdowns"] if WRITING_METHODS else []
    return [
        *expand(f"{RESULTS}/tables/{{dataset}}/{{name}}", dataset=STUDY.datasets, name=tables),
        *expand(
            f"{RESULTS}/figures/{{dataset}}/{{name}}.{{extension}}",
            dataset=STUDY.datasets,
            name=figures,
            extension=["svg", "pdf", "png", "parquet"],
        ),
    ]


def study_pages():
    """Return every page of the report beside the tables and figures."""
    return [
        *multiext(f"{RESULTS}/tables/differences", ".html", ".tex"),
        *answer_pages(),
        *expand(f"{RESULTS}/report/{{page}}.html", page=("study", "costs", "deviations")),
    ]


def answer_samples(wildcards):
    """Return the samples of answers of the methods that write text, on one data set."""
    folders = prediction_folders(wildcards.dataset)
    return [f"{folder}/answer_sample.parquet" for folder in folders if folder.startswith(f"{RESULTS}/llm/")]


def chat_predictions():
    """Return the predictions of every chat method of the study that is run."""
    return [path for path in study_files("predictions.parquet") if parse_run(path).method in CHAT_METHODS]


def jobs_of_the_study(wildcards):
    """Return rule, GPUs and benchmark file of every job that makes a result of the study."""
    jobs = {}
    for path in study_results():
        for step in workflow.rules:
            if step.benchmark and any(output.match(path) for output in step.output):
                benchmark = str(step.benchmark.apply_wildcards(step.get_wildcards(path)))
                # On several nodes, a GPU for each task.
                counted = "tasks" if "gres" in step.resources else "gpu"
                gpus = step.resources[counted].value if counted in step.resources else 0
                jobs[benchmark] = (step.name, gpus, benchmark)
    return list(jobs.values())


def resolved_finetuning():
    """Return the fine-tuning settings of each data set as plain values."""
    return {
        dataset: finetuning_values(STUDY.finetuning, dataset).model_dump(mode="json")
        for dataset in STUDY.datasets
    }


def paper_finetuning():
    """Return the fine-tuning settings that the paper names, for each data set of the study that it is about."""
    as_paper = STUDY.finetuning.model_copy(update={"preset": "paper", "per_dataset": {}})
    return {
        dataset: finetuning_values(as_paper, dataset).model_dump(
            mode="json", include=set(preset_values("paper", 1.0))
        )
        for dataset in STUDY.datasets
        if dataset in LEARNING_RATES["paper"]
    }
