"""Gate inputs for every sequence of a data set."""

import torch

from ilora.adapters.config import GateInput
from ilora.adapters.gate_inputs import collapse_tokens, constant_gate_inputs, random_initialized, shuffled
from ilora.adapters.labels import IGNORED_LABEL
from ilora.configuration.tuning import AdapterShape
from ilora.data.sequences import SequenceTable
from ilora.data.splits import SPLITS
from ilora.llm.model.collation import Collator
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.inputs import EncoderVectors
from ilora.llm.training.fine_tuning import FineTuningExamples

#: Number of prompts from which the statistics of a gate that reads the tokens are computed.
TOKEN_STATISTICS_PROMPTS = 512


def method_gate_inputs(
    shape: AdapterShape, sequence_encoder: EncoderVectors | None, sequences: SequenceTable, seed: int
) -> torch.Tensor | None:
    """Return the gate inputs of a method, see `sequence_gate_inputs`; None also for a method without a gate.

    Raises:
        ValueError: if there is a gate but no sequence encoder.
    """
    if shape.experts is None:
        return None
    if sequence_encoder is None:
        raise ValueError(
            "an instance-wise adapter: found no sequence encoder, expected the representations of a recommender"
        )
    return sequence_gate_inputs(shape.values.gate_input, sequence_encoder.representations, sequences, seed)


def sequence_gate_inputs(
    gate_input: GateInput, representations: torch.Tensor, sequences: SequenceTable, seed: int
) -> torch.Tensor | None:
    """Return the gate inputs, float32 (sequences, width); the row number is the sequence_id.

    Args:
        gate_input: kind of gate input; see `ilora.adapters.InstanceWiseConfig`.
        representations: z of every sequence, float32 (sequences, d).
        sequences: all sequences; z is shuffled within a split.
        seed: random seed of random vectors and of shuffling.

    Returns:
        The gate inputs; None for ``token_collapsed``, which the model computes from each batch, with its hidden size
        as the width.
    """
    if gate_input == "token_collapsed":
        return None
    if gate_input == "constant":
        return constant_gate_inputs(len(representations))
    if gate_input == "random_initialized":
        return random_initialized(len(representations), representations.shape[1], seed)
    if gate_input == "shuffled":
        return shuffled(representations, [sequences.rows(split) for split in SPLITS], seed)
    return representations


@torch.no_grad()
def training_gate_inputs(
    table: torch.Tensor | None, sequences: SequenceTable, model: HybridLanguageModel, examples: FineTuningExamples
) -> torch.Tensor:
    """Return the gate inputs of training, float32 (rows, width), for standardisation.

    They are the training split's rows of ``table`` or, without a table, the collapsed tokens of the first training
    prompts.
    """
    if table is not None:
        return table[torch.from_numpy(sequences.rows("train"))]
    collate, where = Collator(padding_token_id=0), model.causal_model.device
    collapsed = []
    for position in range(min(TOKEN_STATISTICS_PROMPTS, len(examples))):
        batch = {name: tensor.to(where) for name, tensor in collate([examples[position]]).items()}
        embeddings = model.embed(batch["input_ids"], batch["behaviour"])
        collapsed.append(collapse_tokens(embeddings, batch["labels"] == IGNORED_LABEL))
    return torch.cat(collapsed).float()
