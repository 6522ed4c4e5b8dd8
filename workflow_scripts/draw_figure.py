"""Draw the figure that `ilora.figures` declares under the given name."""

from pathlib import Path
from typing import TYPE_CHECKING

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.figures.declaration import figure
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log
from ilora.reporting.declaration import Given

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the figure in every format, and its numbers as a table."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    params = snakemake.params
    files = {Path(path).suffix[1:]: path for path in snakemake.output}
    given = Given(dict(snakemake.input.items()), params.settings, dict(snakemake.wildcards.items()))
    with figure_style():
        drawn, picture = figure(params.figure).make(given)
        write_table(drawn, files["parquet"])
        save_figure(picture, {name: files[name] for name in FORMATS})
    provenance.record(files["parquet"])


main(snakemake)
