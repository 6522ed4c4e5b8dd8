# Ablations of one setting of the tuned methods over several values. Sweeps share their common runs.


# Snapshots answer fewer candidate sets than the final adapter, because curves need many snapshots.
use rule answer_fine_tuned as answer_snapshot with:
    input:
        unpack(models.backbone_files),
        unpack(tuning.encoder_files),
        unpack(tuning.adapter_files),
        snapshots=layout.snapshots,
        catalogue=rules.prepare_interactions.output.catalogue,
        sequences=rules.make_sequences.output.sequences,
        candidates=rules.draw_candidates.output.candidates,
    output:
        predictions=layout.snapshot_predictions,
    params:
        code=code_version("answer_fine_tuned"),
        tuning=tuning.settings,
        adapter=tuning.adapter_folder,
        draws=study.config.figures.snapshot_draws,
        config=tuning.inference,


rule measure_sweep:
    """Measure every cell of a sweep on one data set, and compare the study's own setting with all others."""
    input:
        predictions=sweeps.predictions,
        candidates=rules.draw_candidates.output.candidates,
        catalogue=rules.prepare_interactions.output.catalogue,
    output:
        sweep=layout.sweep,
    conda:
        "../envs/evaluation.yaml"
    resources:
        mem_mb=requests.memory(4000),
        runtime=requests.minutes(30),
    params:
        code=code_version("measure_sweep"),
        parameter=sweeps.parameter,
        cells=sweeps.cells_of_dataset,
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_sweep.py"


rule measure_sweep_curves:
    """Measure HitRatio@1 over the fine-tuning of every cell of a sweep on one data set."""
    input:
        snapshots=sweeps.snapshot_predictions,
        predictions=sweeps.predictions,
        candidates=rules.draw_candidates.output.candidates,
        sequences=rules.make_sequences.output.sequences,
    output:
        curves=layout.sweep_curves,
    conda:
        "../envs/evaluation.yaml"
    resources:
        mem_mb=requests.memory(4000),
        runtime=requests.minutes(30),
    params:
        code=code_version("measure_sweep_curves"),
        parameter=sweeps.parameter,
        cells=sweeps.cells_of_dataset,
        lengths=sweeps.lengths,
        draws=study.config.figures.snapshot_draws,
        intervals=study.config.statistics.intervals,
    script:
        "../workflow_scripts/measure_sweep_curves.py"
