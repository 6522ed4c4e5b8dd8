# Figures: a rule for each declaration in `ilora.figures`. docs/adding_a_figure.md explains how to add one.

from ilora.figures.declaration import figures
from ilora.reporting.declaration import every_file

FIGURES = figures()


def files_of(declared):
    """Return the files of a figure, table or page; the one that the report shows has a caption."""
    shown = {
        "caption": "report/caption.rst",
        "category": declared.category,
        "labels": declared.labels(study),
    }
    return [
        path if not path.endswith((".svg", ".html")) else report(path, **shown)
        for path in declared.patterns(study)
    ]


for figure, declared in FIGURES.items():

    rule:
        name:
            f"draw_{figure}"
        input:
            unpack(declared.rule_inputs(study)),
        output:
            files_of(declared),
        localrule: True
        conda:
            f"../envs/{declared.environment}.yaml"
        params:
            code=code_version("draw_figure", f"ilora.figures.{figure}"),
            figure=figure,
            settings=declared.rule_settings(study),
            caption=declared.rule_caption(study),
        script:
            "../workflow_scripts/draw_figure.py"
