"""Write the table or page that `ilora.tables` or `ilora.pages` declares under the given name."""

from pathlib import Path
from typing import TYPE_CHECKING

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.writing import atomic_path
from ilora.progress import start_log
from ilora.reporting.declaration import Given
from ilora.reporting.document import document

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the document in each of its formats."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    params = snakemake.params
    files = {Path(path).suffix[1:]: path for path in snakemake.output}
    given = Given(dict(snakemake.input.items()), params.settings, dict(snakemake.wildcards.items()))
    for name, content in document(params.kind, params.document).make(given).items():
        if isinstance(content, str):
            with atomic_path(files[name]) as temporary:
                temporary.write_text(content, encoding="utf-8")
        else:
            write_table(content, files[name])
    # The record of one format holds for all of them.
    provenance.record(files.get("parquet", snakemake.output[0]))
    logger.info("wrote %s", ", ".join(files.values()))


main(snakemake)
