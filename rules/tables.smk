# Tables of the report: a rule for each declaration in `ilora.tables`.

from ilora.reporting.document import documents

TABLES = documents("tables")

for table, declared in TABLES.items():

    rule:
        name:
            f"make_{table}"
        input:
            unpack(declared.rule_inputs(study)),
        output:
            files_of(declared),
        localrule: True
        conda:
            f"../envs/{declared.environment}.yaml"
        params:
            code=code_version("write_document", f"ilora.tables.{table}"),
            kind="tables",
            document=table,
            settings=declared.rule_settings(study),
            caption=declared.rule_caption(study),
        script:
            "../workflow_scripts/write_document.py"
