# Pages of the report beside its tables and figures: a rule for each that `ilora.pages` declares.

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


# Not a declaration: what the jobs of the study are, Snakemake alone can tell.
rule collect_costs:
    """Collect time and memory of the jobs behind the study's results, and what its chat models cost."""
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
        # Not inputs: a benchmark that was deleted is no reason to train again.
        jobs=lambda wildcards: jobs_behind(study_results(study), workflow.rules),
        chat=targets.chat_predictions,
        without_key=targets.runs_without_key,
        caption="Time and memory of the jobs behind the results of this study, by rule, as Snakemake measured them; "
        "and where it has chat models, their requests, tokens and dollars, by the ledger of their answers.",
    script:
        "../workflow_scripts/collect_costs.py"
