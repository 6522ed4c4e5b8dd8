import pyarrow as pa

from ilora.generative.schemas import BEAM_STATISTICS, ID_STATISTICS
from ilora.layout import Run
from ilora.tables.id_statistics import ids_to_html


def test_each_run_has_its_levels_its_shared_ids_and_its_free_beams() -> None:
    level = {"size": 64, "used": 16, "use": 0.25, "perplexity": 10.06, "largest_group": 298, "sharing_items": None}
    whole = {"size": 1682, "used": 1209, "use": 0.7188, "perplexity": 1022.0, "largest_group": 10, "sharing_items": 722}
    rows = [{"level": "residual 1", **level}, {"level": "id", **whole}]
    run = Run("movielens", "chronological", "tiger", seed=1)
    statistics = {run: pa.Table.from_pylist(rows, schema=ID_STATISTICS)}
    found = {"split": "val", "beams": 20, "valid_share": 0.93125}
    html = ids_to_html(statistics, {run: pa.Table.from_pylist([found], schema=BEAM_STATISTICS)})
    heading = "MovieLens (chronological protocol), TIGER, seed 1"
    assert f"{heading}; 0.9313 of 20 free beams (val) are ids<" in html
    assert "<td>residual 1</td><td>16 of 64</td><td>0.250</td><td>10.1</td><td>298</td><td>–</td>" in html
    assert (
        "<td>whole id</td><td>1,209 for 1,682 items</td><td>0.719</td><td>1,022.0</td><td>10</td><td>722</td>" in html
    )
    assert f"{heading}<" in ids_to_html(statistics, {}), "without a full ranking nothing is searched"
