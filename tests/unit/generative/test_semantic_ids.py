from __future__ import annotations

import math

import pytest
import torch

from ilora.generative.id_statistics import id_statistics
from ilora.generative.schemas import ID_STATISTICS
from ilora.generative.semantic_ids import SemanticIds, in_order, with_collision_token

CODES = torch.tensor([[0, 1, 2], [1, 1, 2], [0, 1, 2], [0, 0, 2], [0, 1, 2]])
IDS = SemanticIds(CODES, ("first", "second", "third"), (4, 2, 3))


def test_items_of_one_id_are_a_group() -> None:
    assert IDS.groups.tolist() == [1, 2, 1, 0, 1]
    assert IDS.group_sizes.tolist() == [3, 1, 3, 1, 3]


def test_the_collision_token_tells_all_items_apart_and_changes_no_other_code() -> None:
    unique = with_collision_token(IDS)
    assert unique.codes[:, 3].tolist() == [0, 0, 1, 0, 2]
    assert torch.equal(unique.codes[:, :3], CODES)
    assert unique.levels == ("first", "second", "third", "collision") and unique.sizes == (4, 2, 3, 3)
    assert unique.group_sizes.tolist() == [1] * 5


def test_the_order_of_levels_takes_codes_names_and_sizes_along() -> None:
    reversed_ = in_order(IDS, "fine_to_coarse", seed=0)
    assert reversed_.levels == ("third", "second", "first") and reversed_.sizes == (3, 2, 4)
    assert torch.equal(reversed_.codes, CODES.flip(1))
    assert in_order(IDS, "coarse_to_fine", seed=0).levels == IDS.levels
    drawn = {in_order(IDS, "random", seed=seed).levels for seed in range(20)}
    assert len(drawn) == 4, "every order but the two named ones"
    assert drawn.isdisjoint({IDS.levels, reversed_.levels})
    assert in_order(IDS, "random", seed=3).levels == in_order(IDS, "random", seed=3).levels
    assert sorted(in_order(IDS, "random", seed=3).group_sizes) == sorted(IDS.group_sizes)


@pytest.mark.parametrize(
    ("codes", "sizes", "message"),
    [
        (CODES, (4, 2), "expected equal numbers of levels"),
        (CODES, (4, 2, 2), "found codes from 2 to 2 at the level third, expected 0 to 1"),
        (CODES - 1, (4, 2, 3), "found codes from -1 to 0 at the level first"),
    ],
)
def test_codes_outside_of_their_level_are_refused(codes: torch.Tensor, sizes: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SemanticIds(codes, IDS.levels, sizes)


def test_statistics_say_how_codebooks_are_used_and_how_many_items_share_an_id() -> None:
    table = id_statistics(IDS)
    assert table.schema == ID_STATISTICS
    first, second, third, whole = table.to_pylist()
    assert (first["size"], first["used"], first["use"], first["largest_group"]) == (4, 2, 0.5, 4)
    assert first["perplexity"] == pytest.approx(math.exp(-0.8 * math.log(0.8) - 0.2 * math.log(0.2)))
    assert second["use"] == 1.0 and second["sharing_items"] is None
    assert third["perplexity"] == pytest.approx(1.0), "a level that says nothing"
    assert (whole["level"], whole["size"], whole["used"]) == ("id", 5, 3)
    assert (whole["largest_group"], whole["sharing_items"]) == (3, 3)
