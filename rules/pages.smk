# Pages of the report besides its tables and figures: one rule for each that `ilora.pages` declares.

from ilora.pages.study import study_results
from ilora.reporting.costs import jobs_behind
from ilora.reporting.document import documents

PAGES = documents("pages")


report: "report/workflow.rst"


for page, declared in PAGES.items():

    rule:
        name:
            f"write_{page}"
        input:
            unpack(declared.rule_inputs(study)),
        output:
            files_of(declared),
        localrule: True
        conda:
            f"../envs/{declared.environment}.yaml"
        params:
            code=code_version("write_document", f"ilora.pages.{page}"),
            kind="pages",
            document=page,
            settings=declared.rule_settings(study),
            caption=declared.rule_caption(study),
        script:
            "../workflow_scripts/write_document.py"


# Not declared like other pages, because only Snakemake knows the jobs of the study.
rule collect_costs:
    """Collect the time and memory of the jobs behind the study's results, and the cost of its chat models."""
    input:
        lambda wildcards: study_results(study),
    output:
        html=report(
            layout.costs,
            caption="report/caption.rst",
            category="Study",
            labels={"page": "time and memory"},
        ),
    localrule: True
    conda:
        "../envs/evaluation.yaml"
    params:
        code=code_version("collect_costs"),
        # Not inputs, because a deleted benchmark must not repeat a training.
        jobs=lambda wildcards: jobs_behind(study_results(study), workflow.rules),
        chat=targets.chat_predictions,
        without_key=targets.runs_without_key,
        caption="Time and memory of the jobs behind the results of this study, by rule, measured by Snakemake; for chat "
        "models, also their requests, tokens and cost, from the store of their answers.",
    script:
        "../workflow_scripts/collect_costs.py"
