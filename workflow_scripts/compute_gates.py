"""Compute the expert weights of a trained gate for the val and test sequences."""

from pathlib import Path
from typing import TYPE_CHECKING

from ilora.adapters.storage import read_gate
from ilora.analysis.gates import gates_table
from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.records import check_made_from
from ilora.artifacts.tensors import read_tensor
from ilora.data.sequences import read_sequences
from ilora.llm.training.gate_inputs import sequence_gate_inputs
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `gates.parquet`."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    adapter = Path(snakemake.input.adapter_weights).parent
    check_made_from(adapter, snakemake.input)
    gate, instance_wise = read_gate(adapter)
    sequences = read_sequences(snakemake.input.sequences)
    representations = read_tensor(snakemake.input.representations, "sequence_representations")
    seed = int(snakemake.wildcards.seed)
    gate_inputs = sequence_gate_inputs(instance_wise.gate_input, representations, sequences, seed)
    if gate_inputs is None:
        raise ValueError(
            "the gate reads the tokens of prompts, so its expert weights cannot be computed without the backbone"
        )
    write_table(gates_table(gate, sequences, gate_inputs), snakemake.output.gates)
    provenance.record(snakemake.output.gates)


main(snakemake)
