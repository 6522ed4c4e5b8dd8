"""Reading the files of a data set and a sequence encoder."""

from pathlib import Path

import pyarrow as pa
import pytest
import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.artifacts.tensors import write_tensors
from ilora.llm.model.inputs import MethodInputs, read_method_inputs


def write_inputs(folder: Path, items: int = 4, sequences: int = 2) -> MethodInputs:
    """Write and read a data set of four items and two sequences, with the given numbers of vectors."""
    catalogue = [{"item_id": item, "title": f"Film {item}", "raw_id": str(item), "metadata": "{}"} for item in range(4)]
    cut = [
        dict(zip(SEQUENCES.names, (user, split, user, str(user), 3, [0, 1, 2], 3), strict=True))
        for user, split in enumerate(("train", "test"))
    ]
    write_table(pa.Table.from_pylist(catalogue, schema=ITEMS), folder / "items.parquet")
    write_table(pa.Table.from_pylist(cut, schema=SEQUENCES), folder / "sequences.parquet")
    write_tensors({"item_embeddings": torch.ones(items, 3)}, folder / "embeddings.safetensors")
    write_tensors({"sequence_representations": torch.ones(sequences, 3)}, folder / "z.safetensors")
    return read_method_inputs(
        folder / "items.parquet",
        folder / "sequences.parquet",
        folder / "embeddings.safetensors",
        folder / "z.safetensors",
    )


def test_the_training_split_is_told_apart(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path)
    assert inputs.titles == ["Film 0", "Film 1", "Film 2", "Film 3"]
    assert inputs.training_sequences == 1
    assert inputs.sequence_encoder is not None and inputs.sequence_encoder.representations.shape == (2, 3)


def test_text_alone_needs_no_guide_and_half_a_guide_is_none(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    catalogue, sequences = tmp_path / "items.parquet", tmp_path / "sequences.parquet"
    inputs = read_method_inputs(catalogue, sequences)
    assert inputs.sequence_encoder is None and inputs.training_sequences == 1
    with pytest.raises(ValueError, match="found one file"):
        read_method_inputs(catalogue, sequences, item_embeddings=tmp_path / "embeddings.safetensors")


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"items": 5}, r"embeddings\.safetensors: found 5 vectors, expected 4"),
        ({"sequences": 3}, r"z\.safetensors: found 3 vectors, expected 2"),
    ],
)
def test_vectors_of_other_data_are_refused(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_inputs(tmp_path, **counts)
