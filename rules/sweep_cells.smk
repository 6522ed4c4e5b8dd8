"""What the sweeps consist of: their cells, and the files and settings of each."""

from dataclasses import asdict

from ilora.configuration.sweeps import sweep_cells, sweep_datasets, sweep_seeds

SWEEP_TABLES = f"{RESULTS}/analysis/{{dataset}}/{{protocol}}/{{backbone}}/sweeps"
STEP_ANSWERS = f"{RESULTS}/llm/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}/seed~{{seed}}/steps/step~{{step}}"


# The cells of each sweep, over its data sets. What a cell shares with the study's own settings is not in its name.
CELLS = {name: sweep_cells(STUDY, name) for name in STUDY.sweeps}


def cells_of(sweep, dataset):
    """Return the cells of a sweep on one data set."""
    return [cell for cell in CELLS[sweep] if cell.dataset == dataset]


def over_seeds(pattern, sweep, cell, **wildcards):
    """Return the files that a pattern stands for, over the seeds of one cell."""
    return expand(
        pattern,
        dataset=cell.dataset,
        protocol=STUDY.protocol,
        backbone=BACKBONE,
        method=cell.method,
        variant=cell.variant,
        seed=sweep_seeds(STUDY, STUDY.sweeps[sweep]),
        **wildcards,
    )


def cell_predictions(wildcards):
    """Return the predictions of every cell and seed of a sweep on one data set."""
    cells = cells_of(wildcards.sweep, wildcards.dataset)
    pattern = rules.answer_fine_tuned.output.predictions
    return [path for cell in cells for path in over_seeds(pattern, wildcards.sweep, cell)]


def snapshot_predictions(wildcards):
    """Return the predictions of every snapshot before the last step, of every cell and seed of a sweep."""
    files = []
    for cell in cells_of(wildcards.sweep, wildcards.dataset):
        values = settings_of_variant(cell.dataset, cell.method, cell.variant).finetuning
        steps = [step for step in values.snapshots if step != values.steps]
        files += over_seeds(rules.answer_snapshot.output.predictions, wildcards.sweep, cell, step=steps)
    return files


def cells_for_script(wildcards):
    """Return the cells of a sweep on one data set as plain values, for `params`."""
    return [asdict(cell) for cell in cells_of(wildcards.sweep, wildcards.dataset)]


def lengths_for_script(wildcards):
    """Return what says how long the fine-tuning of each cell is, in the order of the cells, for `params`."""
    cells = cells_of(wildcards.sweep, wildcards.dataset)
    values = [settings_of_variant(cell.dataset, cell.method, cell.variant).finetuning for cell in cells]
    return [value.model_dump(include={"steps", "epochs", "batch_size"}) for value in values]


def sweep_heading(wildcards):
    """Return what the figures of a sweep are headed with."""
    sweep = STUDY.sweeps[wildcards.sweep]
    return sweep.title or sweep.parameter.replace("_", " ")


def sweep_note(wildcards):
    """Return what a reader must know of how a sweep was run; it is exploratory with one seed."""
    sweep = STUDY.sweeps[wildcards.sweep]
    seeds = len(sweep_seeds(STUDY, sweep))
    shown = {key: value for key, value in sweep.settings.items() if key != "snapshots" and value is not None}
    replaced = "".join(f", {key} = {value}" for key, value in shown.items())
    return ("EXPLORATORY: one seed" if seeds == 1 else f"mean over {seeds} seeds") + replaced


def sweep_tables():
    """Return the table of all sweeps, where the study has any."""
    return [f"{RESULTS}/tables/sweeps.parquet"] if STUDY.sweeps else []


def sweep_figures():
    """Return every file of the figures of the sweeps."""
    files = []
    for name, sweep in STUDY.sweeps.items():
        files += expand(
            f"{RESULTS}/figures/{{dataset}}/{{figure}}.{{extension}}",
            dataset=sweep_datasets(STUDY, sweep),
            figure=[name, f"{name}_by_epoch"] if sweep.by_epoch else [name],
            extension=["svg", "pdf", "png", "parquet"],
        )
    return files


def sweep_artifacts():
    """Return every adapter and prediction of the sweeps, each once, so that one that was deleted is made again."""
    files = []
    for name, cells in CELLS.items():
        for cell in cells:
            files += over_seeds(tuning_rule(cell.method).output, name, cell)
            files += over_seeds(rules.answer_fine_tuned.output, name, cell)
    return list(dict.fromkeys(files))
