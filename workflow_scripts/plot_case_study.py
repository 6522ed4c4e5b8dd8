"""Plot two pairs of sequences, of high and of low gradient similarity, for the study's first seed."""

from typing import TYPE_CHECKING

from ilora.analysis.case_study import case_study_table, choose_pairs, single_similarities
from ilora.analysis.genres import item_genres
from ilora.analysis.schemas import CLUSTERS, GRADIENT_GRAMS
from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import ITEMS, SEQUENCES
from ilora.plotting.case_study import draw_case_study
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.style import FORMATS, figure_style, save_figure
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `case_study.*`."""
    start_log(snakemake.log[0])
    choice = snakemake.params.choice
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    clusters = read_table(snakemake.input.clusters, CLUSTERS)
    items = read_table(snakemake.input.catalogue, ITEMS)
    sequence_ids, similarity = single_similarities([read_table(path, GRADIENT_GRAMS) for path in snakemake.input.grams])
    pairs = choose_pairs(sequence_ids, similarity, sequences["target"].to_numpy())
    genres = item_genres(items["metadata"].to_pylist())
    drawn = case_study_table(pairs, sequences, clusters, items["title"].to_pylist(), genres)
    write_table(drawn, snakemake.output.drawn)
    setting = setting_label(snakemake.wildcards.dataset, snakemake.params.backbone)
    title = f"Gradients of single sequences: {method_label(choice['method'])}, seed {choice['seed']}\n{setting}"
    with figure_style():
        save_figure(draw_case_study(drawn, title), {name: snakemake.output[name] for name in FORMATS})
    write_sidecar(snakemake.output.drawn, config=choice, inputs=snakemake.input)


main(snakemake)
