"""Download a model from the Hugging Face hub into its cache."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.writing import atomic_path
from ilora.llm.hub.fetching import fetch_model
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the record of the cached commit."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    fetched = fetch_model(snakemake.params.name, snakemake.params.revision)
    logger.info("%s: commit %s is in the cache", fetched.name, fetched.commit)
    with atomic_path(snakemake.output.record) as temporary:
        temporary.write_text(json.dumps(asdict(fetched), indent=2) + "\n", encoding="utf-8")
    provenance.record(snakemake.output.record)


main(snakemake)
