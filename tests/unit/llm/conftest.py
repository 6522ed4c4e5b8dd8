"""A tiny hybrid study: eight titles, a tokenizer, a random Llama."""

import pyarrow as pa
import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ilora.artifacts.schemas import INTERACTIONS, SEQUENCES
from ilora.backbone.architecture import BackboneShape, build_backbone
from ilora.backbone.tokenizer import train_tokenizer
from ilora.data.sequences import SequenceTable, sequence_table
from ilora.llm.prompts import PromptBuilder, PromptStyle
from ilora.llm.wording import WORDING

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """So few tokens that titles are of several, and of different lengths."""
    return train_tokenizer(TITLES, WORDING["movielens"], vocabulary_size=275)


@pytest.fixture
def builder(tokenizer: PreTrainedTokenizerFast) -> PromptBuilder:
    style = PromptStyle("candidates_first", "before_title")
    return PromptBuilder(tokenizer, TITLES, style, WORDING["movielens"])


@pytest.fixture
def llama(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = BackboneShape(hidden_size=32, layers=2, heads=2, intermediate_size=48)
    return build_backbone(shape, tokenizer).eval()


@pytest.fixture(scope="session")
def sequences() -> SequenceTable:
    """Two training sequences, one for validation and one for the test."""
    items = {0: [0, 1, 2, 3, 4], 1: [4, 5, 6, 7], 2: [7, 6, 5, 4]}
    interactions = [
        {
            "user_id": user,
            "item_id": item,
            "timestamp": place,
            "raw_user_id": f"u{user}",
            "raw_item_id": str(item),
        }
        for user, ids in items.items()
        for place, item in enumerate(ids)
    ]
    rows = [
        ("train", 0, [0, 1, 2], 3),
        ("train", 0, [0, 1, 2, 3], 4),
        ("val", 1, [4, 5, 6], 7),
        ("test", 2, [7, 6, 5], 4),
    ]
    cut = [
        {"sequence_id": number, "split": split, "user_id": user, "history": history, "target": target}
        for number, (split, user, history, target) in enumerate(rows)
    ]
    return sequence_table(
        pa.Table.from_pylist(cut, schema=SEQUENCES), pa.Table.from_pylist(interactions, schema=INTERACTIONS)
    )
