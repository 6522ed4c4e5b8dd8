"""A tiny hybrid study: eight titles, a tokenizer, a random Llama."""

from pathlib import Path

import pyarrow as pa
import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ilora.artifacts.parquet import write_table
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.artifacts.tensors import write_tensors
from ilora.backbone.architecture import BackboneShape, build_backbone
from ilora.backbone.tokenizer import train_tokenizer
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.sections.prompt import PromptSection
from ilora.configuration.tuning import MethodKind, TuningSettings
from ilora.data.sequences import SequenceTable, sequence_table
from ilora.datasets.register import DATASETS
from ilora.llm.prompts.builder import PromptBuilder, PromptStyle
from ilora.llm.training.tuning_job import TuningJob

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with so few tokens that titles have several, and different numbers of them."""
    return train_tokenizer(TITLES, DATASETS["movielens"].wording, vocabulary_size=275)


@pytest.fixture
def builder(tokenizer: PreTrainedTokenizerFast) -> PromptBuilder:
    style = PromptStyle("candidates_first", "before_title")
    return PromptBuilder(tokenizer, TITLES, style, DATASETS["movielens"].wording)


@pytest.fixture
def llama(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = BackboneShape(hidden_size=32, layers=2, heads=2, intermediate_size=48)
    return build_backbone(shape, tokenizer).eval()


@pytest.fixture(scope="session")
def cut() -> pa.Table:
    """Two training sequences, one validation and one test sequence."""
    rows = [
        ("train", 0, [0, 1, 2], 3),
        ("train", 0, [0, 1, 2, 3], 4),
        ("val", 1, [4, 5, 6], 7),
        ("test", 2, [7, 6, 5], 4),
    ]
    sequences = [
        (number, split, user, f"u{user}", len(history), history, target)
        for number, (split, user, history, target) in enumerate(rows)
    ]
    return pa.Table.from_pylist(
        [dict(zip(SEQUENCES.names, sequence, strict=True)) for sequence in sequences], schema=SEQUENCES
    )


@pytest.fixture(scope="session")
def sequences(cut: pa.Table) -> SequenceTable:
    return sequence_table(cut)


@pytest.fixture
def job(cut: pa.Table, llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> TuningJob:
    """A fine-tuning job of an instance-wise adapter, with all its input files."""
    folder = tmp_path / "inputs"
    catalogue, sequences = folder / "catalogue.parquet", folder / "sequences.parquet"
    items = [
        {"item_id": item, "title": title, "raw_id": str(item), "metadata": "{}"} for item, title in enumerate(TITLES)
    ]
    write_table(pa.Table.from_pylist(items, schema=ITEMS), catalogue)
    write_table(cut, sequences)
    draw = torch.Generator().manual_seed(0)
    vectors = {"item_embeddings": torch.randn(8, 4, generator=draw)}
    representations = {"sequence_representations": torch.randn(4, 4, generator=draw)}
    write_tensors(vectors, folder / "vectors.safetensors")
    write_tensors(representations, folder / "representations.safetensors")
    llama.save_pretrained(folder / "backbone")
    tokenizer.save_pretrained(folder / "backbone")
    finetuning = FinetuningValues(
        r=4,
        target_modules=("q_proj", "v_proj"),
        experts=2,
        batch_size=4,
        steps=12,
        learning_rate=0.01,
        projector_learning_rate=0.01,
        gate_learning_rate=0.01,
        checkpoint_every=2,
        snapshots=(3, 9),
    )
    settings = TuningSettings(
        dataset="movielens",
        method="ilora",
        kind=MethodKind(prompt="hybrid", adapter="instance_wise"),
        seed=1,
        backbone=BackboneSource(name=str(folder / "backbone")),
        finetuning=finetuning,
        prompt=PromptSection(),
        wording=DATASETS["movielens"].wording,
        candidates=3,
        candidate_seed=0,
    )
    return TuningJob(
        settings=settings,
        inputs={
            "catalogue": str(catalogue),
            "sequences": str(sequences),
            "item_embeddings": str(folder / "vectors.safetensors"),
            "representations": str(folder / "representations.safetensors"),
        },
        threads=1,
        sharded=False,
        folder=str(tmp_path / "tuning"),
        log=str(tmp_path / "tuning.log"),
    )
