"""What a cluster needs beside its profile: no queue full of jobs of a second, no jobs that outlive their run."""

import slurm_jobs

# Before the plan is made, since a cancelled job takes its files away. Jobs read this too, and cancel nothing.
if workflow.is_main_process and not workflow.output_settings.dryrun:
    try:
        slurm_jobs.cancel_dead_runs()
    except slurm_jobs.SlurmJobsError as error:
        raise WorkflowError(str(error)) from None


# Metrics of one run, tables, figures and pages take seconds, so they run where Snakemake itself does.
localrules:
    analyse_errors,
    choose_weight_decay,
    collect_costs,
    collect_sweeps,
    compute_metrics,
    describe_adapter,
    describe_deviations,
    describe_study,
    make_dataset_table,
    make_difference_table,
    make_error_tables,
    make_table1,
    measure_expert_usage,
    plot_answer_categories,
    plot_case_study,
    plot_clusters,
    plot_error_breakdowns,
    plot_expert_attention,
    plot_expert_usage,
    plot_gradient_similarity,
    plot_gradient_summary,
    plot_hit_ratio,
    plot_negative_transfer,
    plot_sweep,
    plot_sweep_curves,
    plot_training_curves,
    show_answers,
    summarise_negative_transfer,


onstart:
    try:
        slurm_jobs.begin_run(slurm_run_id())
        if slurm_run_id() is not None:
            slurm_jobs.check_slurm(
                workflow.scheduler._executor,
                (job for job in workflow.dag.needrun_jobs() if not workflow.is_local(job.rule)),
            )
    except slurm_jobs.SlurmJobsError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    slurm_jobs.forget_run(slurm_run_id())


onerror:
    try:
        slurm_jobs.cancel_run(slurm_run_id())
    except slurm_jobs.SlurmJobsError as error:
        raise WorkflowError(str(error)) from None
