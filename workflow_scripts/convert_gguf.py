"""Convert a model in a GGUF file to a folder that transformers can load."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.artifacts.provenance import provenance_of
from ilora.llm.gguf.contents import read_gguf
from ilora.llm.gguf.conversion import convert_gguf
from ilora.llm.model.packages import check_package
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write configuration, tokenizer and float32 weights."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    path, package = Path(snakemake.input.gguf), snakemake.params.package
    if package is not None:
        check_package(path, provenance.inputs[str(path)], package)
    contents = read_gguf(path)
    folder = Path(snakemake.output.backbone_weights).parent
    parameters = convert_gguf(contents, folder)
    licence = contents.facts["license"] or "no licence in the file"
    logger.info("%s: %s, %d parameters, %s", path, contents.architecture, parameters, licence)
    provenance.record(folder, details={"gguf": contents.facts, "parameters": parameters})


main(snakemake)
