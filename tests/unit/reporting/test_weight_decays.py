"""The table of the L2 penalties that were tried."""

from pathlib import Path

import pyarrow as pa

from ilora.artifacts.parquet import write_table
from ilora.recommenders.weight_decay import Trial, compare_weight_decays
from ilora.reporting.weight_decays import read_search, weight_decay_table


def test_every_value_is_told_with_its_result(tmp_path: Path) -> None:
    hits = {0.0: [0.3], 0.0001: [0.25, 0.5], 0.01: [0.5, 0.125]}
    trials = [
        Trial(
            value,
            pa.table({"epoch": [0.5 * n for n in range(1, len(found) + 1)], "validation_hit_ratio@1": found}),
        )
        for value, found in hits.items()
    ]
    path = tmp_path / "recommenders" / "lastfm" / "random_users" / "gru4rec" / "weight_decays.parquet"
    write_table(compare_weight_decays(trials), path)
    search = read_search(path)
    assert (search.dataset, search.recommender, search.chosen) == ("lastfm", "gru4rec", 0.0001)
    table = weight_decay_table([search])
    start = "<tr><td>GRU4Rec on LastFM</td><td>"
    rows = [line.removeprefix(start) for line in table.splitlines() if line.startswith(start)]
    assert [row.removesuffix("</td></tr>").split("</td><td>") for row in rows] == [
        ["0", "1", "0.3000", "0.3000, 0.3000", "0.5", ""],
        ["0.0001", "1", "0.5000", "0.5000, 0.5000", "1.0", "chosen"],
        ["0.01", "1", "0.5000", "0.5000, 0.5000", "0.5", "as good; the smaller is chosen"],
    ]
