"""Titles that are too long for an answer are counted once."""

import logging

import pyarrow as pa
import pytest
from transformers import LlamaForCausalLM

from ilora.artifacts.schemas import CANDIDATES
from ilora.configuration.sections.decoding import DecodingSection
from ilora.data.sequences import SequenceTable
from ilora.llm.inference.predicting import PromptedModel, predict, report_unanswerable_titles
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder

LOGGER = logging.getLogger("ilora.test")
TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]


def test_a_title_that_fits_to_its_last_token_can_be_answered(caplog: pytest.LogCaptureFixture) -> None:
    report_unanswerable_titles({3: 5, 4: 6}, [3, 4, 4], 6, "answering", LOGGER)
    assert caplog.records == []
    report_unanswerable_titles({3: 5, 4: 6, 5: 9}, [3, 4, 4, 5], 5, "answering", LOGGER)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "answering: 2 of 3 titles have more tokens than decoding.maximum_new_tokens (5), the longest 9; no answer can "
        "name them, and they are the target in 3 of 4 candidate sets"
    )


@pytest.mark.parametrize(("constrained", "spare", "warned"), [(False, 0, 0), (False, -1, 1), (True, -1, 0)])
def test_answering_says_it_once(
    builder: PromptBuilder,
    llama: LlamaForCausalLM,
    sequences: SequenceTable,
    caplog: pytest.LogCaptureFixture,
    constrained: bool,
    spare: int,
    warned: int,
) -> None:
    sets = {2: [7, 2, 0], 3: [4, 2, 1]}
    rows = [
        {"sequence_id": sequence, "draw": draw, "candidates": items, "hash": "h"}
        for sequence, items in sets.items()
        for draw in range(2)
    ]
    longest = max(len(builder.titles[item]) for items in sets.values() for item in items)
    candidates = pa.Table.from_pylist(rows, schema=CANDIDATES)
    settings = DecodingSection(batch_size=2, maximum_new_tokens=longest + spare, constrained=constrained)
    predict(PromptedModel(HybridLanguageModel(llama), builder, "it"), sequences, candidates, settings)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == warned
    if warned:
        lengths = [len(builder.titles[item]) for item in (0, 1, 2, 4, 7)]
        longest_ones = lengths.count(longest)
        of_targets = 2 * sum(len(builder.titles[item]) == longest for item in (7, 4))
        assert warnings[0].startswith(f"answering with it: {longest_ones} of 5 titles have more tokens than")
        assert warnings[0].endswith(f"the target in {of_targets} of 4 candidate sets")
