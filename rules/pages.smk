# Pages of the report: where answers go wrong, what the study was, what it cost, how it departs from the paper.


rule make_difference_table:
    """Show the differences between the methods, with their tests and what these could have found."""
    input:
        differences=f"{RESULTS}/tables/differences.parquet",
    output:
        html=report(
            f"{RESULTS}/tables/differences.html",
            caption="report/differences.rst",
            category="Tables",
            labels={"table": "differences", "data set": "all", "backbone": BACKBONE},
        ),
        tex=f"{RESULTS}/tables/differences.tex",
    log:
        f"{RESULTS}/logs/make_difference_table.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/make_difference_table.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("make_difference_table"),
        backbone=BACKBONE,
    script:
        "../workflow_scripts/make_difference_table.py"


rule make_error_tables:
    """Show where the answers on one data set go wrong, for every method."""
    input:
        analysis=f"{RESULTS}/tables/error_analysis.parquet",
    output:
        html=report(
            f"{RESULTS}/tables/{{dataset}}/error_analysis.html",
            caption="report/error_analysis.rst",
            category="Answers",
            labels={
                "view": "where they go wrong, all methods",
                "data set": "{dataset}",
                "backbone": BACKBONE,
            },
        ),
        tex=f"{RESULTS}/tables/{{dataset}}/error_analysis.tex",
    log:
        f"{RESULTS}/logs/make_error_tables/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/make_error_tables/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("make_error_tables"),
        backbone=BACKBONE,
        confidence=STUDY.statistics.confidence,
        methods=METHODS,
        writing_methods=WRITING_METHODS,
    script:
        "../workflow_scripts/make_error_tables.py"


rule plot_answer_categories:
    """Plot what the answers are: right, wrong, of the history, outside of the candidates, nothing recognisable."""
    input:
        analysis=f"{RESULTS}/tables/error_analysis.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/answer_categories.svg",
            caption="report/answer_categories.rst",
            category="Answers",
            labels={"view": "what they are", "data set": "{dataset}", "backbone": BACKBONE},
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/answer_categories.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/answer_categories.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/answer_categories.parquet",
    log:
        f"{RESULTS}/logs/plot_answer_categories/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_answer_categories/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_answer_categories"),
        backbone=WRITING_MODELS,
        methods=WRITING_METHODS,
    script:
        "../workflow_scripts/plot_answer_categories.py"


rule plot_error_breakdowns:
    """Plot HitRatio@1 by the target's place, the history's length and popularity, and the bias to popular items."""
    input:
        analysis=f"{RESULTS}/tables/error_analysis.parquet",
    output:
        svg=report(
            f"{RESULTS}/figures/{{dataset}}/error_breakdowns.svg",
            caption="report/error_breakdowns.rst",
            category="Answers",
            labels={
                "view": "by place, history and popularity",
                "data set": "{dataset}",
                "backbone": BACKBONE,
            },
        ),
        pdf=f"{RESULTS}/figures/{{dataset}}/error_breakdowns.pdf",
        png=f"{RESULTS}/figures/{{dataset}}/error_breakdowns.png",
        drawn=f"{RESULTS}/figures/{{dataset}}/error_breakdowns.parquet",
    log:
        f"{RESULTS}/logs/plot_error_breakdowns/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/plot_error_breakdowns/{{dataset}}.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("plot_error_breakdowns"),
        backbone=WRITING_MODELS,
        methods=BROKEN_DOWN_METHODS,
        confidence=STUDY.statistics.confidence,
    script:
        "../workflow_scripts/plot_error_breakdowns.py"


rule show_answers:
    """Show a sample of prompts and answers on one data set, to be searched and read."""
    input:
        samples=answer_samples,
    output:
        html=report(
            f"{RESULTS}/tables/{{dataset}}/answers.html",
            caption="report/answers.rst",
            category="Answers",
            labels={"view": "a sample to read", "data set": "{dataset}", "backbone": BACKBONE},
        ),
    log:
        f"{RESULTS}/logs/show_answers/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/show_answers/{{dataset}}.tsv"
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("show_answers"),
        backbone=WRITING_MODELS,
        wording=wording_of,
        prompt=STUDY.prompt.model_dump(mode="json"),
        questions=ANSWER_SAMPLE["rows"],
    script:
        "../workflow_scripts/show_answers.py"


rule describe_study:
    """Describe the study: resolved settings, and the software and machines by the records beside its artifacts."""
    input:
        study_results(),
        weight_decays=weight_decay_choices(),
    output:
        html=report(
            f"{RESULTS}/report/study.html",
            caption="report/study.rst",
            category="Study",
            labels={"page": "settings, software and machines"},
        ),
    log:
        f"{RESULTS}/logs/describe_study.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/describe_study.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("describe_study"),
        settings=STUDY.model_dump(mode="json"),
        defaults=StudyConfig().model_dump(mode="json"),
        finetuning=resolved_finetuning(),
    script:
        "../workflow_scripts/describe_study.py"


rule collect_costs:
    """Collect time and memory of the jobs behind the study's results, and what its chat models cost."""
    input:
        study_results(),
    output:
        html=report(
            f"{RESULTS}/report/costs.html",
            caption="report/costs.rst",
            category="Study",
            labels={"page": "time and memory"},
        ),
    log:
        f"{RESULTS}/logs/collect_costs.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/collect_costs.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("collect_costs"),
        # Not inputs: a benchmark that was deleted is no reason to train again.
        jobs=jobs_of_the_study,
        chat=chat_predictions(),
        without_key=runs_without_key(),
    script:
        "../workflow_scripts/collect_costs.py"


rule describe_deviations:
    """Describe where the study departs from the paper, and what that changes."""
    input:
        weight_decays=weight_decay_choices(),
    output:
        html=report(
            f"{RESULTS}/report/deviations.html",
            caption="report/deviations.rst",
            category="Study",
            labels={"page": "deviations from the paper"},
        ),
    log:
        f"{RESULTS}/logs/describe_deviations.log",
    benchmark:
        f"{RESULTS}/benchmarks/rules/describe_deviations.tsv"
    conda:
        "../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(10),
    params:
        code=code_version("describe_deviations"),
        settings=STUDY.model_dump(mode="json"),
        finetuning=resolved_finetuning(),
        paper_finetuning=paper_finetuning(),
    script:
        "../workflow_scripts/describe_deviations.py"
