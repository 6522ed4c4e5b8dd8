"""The claims about parsing Steam are measured and named as announced."""

import pytest

from ilora.benchmarks.steam import measure


@pytest.mark.slow
def test_the_claims_on_a_small_dump() -> None:
    claims = list(measure(reviews=400))
    assert [(claim.claim, claim.unit, claim.target) for claim in claims] == [
        ("steam_parse_vs_literal_eval", "s", 0.1),
        ("steam_parse_vs_gzip", "s", 3),
        ("steam_parse_memory_vs_quarter_of_file", "MB", 1.1),
    ]
    assert all(claim.ours > 0 and claim.reference > 0 for claim in claims)
    assert claims[2].ours < 2000
