"""Select the L2 of a recommender: the best of the tried values on the validation split."""

from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.progress import start_log
from ilora.recommenders.weight_decay import Trial, compare_weight_decays

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the table of values, with the selected one marked."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    values = snakemake.params.values
    logs = snakemake.input.training_logs
    trials = [Trial(value, read_table(log)) for value, log in zip(values, logs, strict=True)]
    table = compare_weight_decays(trials)
    path = snakemake.output.weight_decays
    write_table(table, path)
    provenance.record(path)
    for row in table.to_pylist():
        mark = "chosen" if row["is_chosen"] else "as good" if row["is_best"] else ""
        logger.info("L2 %g: validation HitRatio@1 %.4f %s", row["weight_decay"], row["validation_hit_ratio@1"], mark)


main(snakemake)
