"""Compute the expert weights that a trained gate gives to an unknown user."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ilora.adapters.storage import read_gate
from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.records import check_made_from
from ilora.artifacts.tensors import read_tensor
from ilora.data.sequences import read_sequences
from ilora.progress import start_log
from ilora.scarcity.cold_gates import cold_gates_table

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `cold_gates.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    adapter = Path(snakemake.input.adapter_weights).parent
    check_made_from(adapter, snakemake.input)
    gate, instance_wise = read_gate(adapter)
    if instance_wise.gate_input != "sequence_representation":
        raise ValueError(
            f"{adapter}: found a gate that reads {instance_wise.gate_input}, expected sequence_representation, the "
            "only gate input for which an unknown user is defined"
        )
    representations = read_tensor(snakemake.input.representations, "sequence_representations")
    training = torch.from_numpy(read_sequences(snakemake.input.sequences).rows("train"))
    write_table(cold_gates_table(gate, representations[training]), snakemake.output.gates)
    provenance.record(snakemake.output.gates)


main(snakemake)
