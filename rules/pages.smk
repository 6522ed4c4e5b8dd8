# Pages of the report other than tables and figures: a rule for each declaration in `ilora.pages`.

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


# Not a declaration, since only Snakemake knows the jobs of the study.
rule collect_costs:
    """Collect time and memory of the jobs behind the study's results, and the costs of its chat models."""
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
        # Not inputs: a deleted benchmark is no reason to train again.
        jobs=lambda wildcards: jobs_behind(study_results(study), workflow.rules),
        chat=targets.chat_predictions,
        without_key=targets.runs_without_key,
        caption="What the study cost: time and memory of its jobs by rule, as measured by Snakemake, and requests, tokens "
        "and dollars of its chat models, by the records of their answers.",
    script:
        "../workflow_scripts/collect_costs.py"
