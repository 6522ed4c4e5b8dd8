"""Write the model card of a tuned adapter."""

from pathlib import Path
from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table
from ilora.artifacts.records import read_record
from ilora.artifacts.schemas import METRICS
from ilora.artifacts.writing import atomic_path
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.progress import start_log
from ilora.reporting.model_card import CardFacts, model_card

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `README.md` into the adapter's folder."""
    start_log(snakemake.log[0])
    wildcards, params = snakemake.wildcards, snakemake.params
    adapter = Path(snakemake.output.card).parent
    record = read_record(adapter).content
    facts = CardFacts(
        method=wildcards.method,
        adapter=params.method["adapter"],
        dataset=wildcards.dataset,
        protocol=wildcards.protocol,
        base_model=params.base_model["name"],
        base_model_origin=params.base_model["origin"],
        base_model_licence=_licence(snakemake.input.get("backbone_weights")),
        base_model_is_on_hub=params.base_model["is_on_hub"],
        revision=params.base_model["revision"],
        sequence_encoder=params.sequence_encoder,
        seed=int(wildcards.seed),
        prompt=record["config"]["prompt"],
        finetuning=FinetuningValues.read(params.finetuning).model_dump(mode="json"),
        git_revision=record["git_revision"],
        path=adapter.as_posix(),
    )
    with atomic_path(snakemake.output.card) as temporary:
        temporary.write_text(model_card(facts, read_table(snakemake.input.metrics, METRICS)), encoding="utf-8")


def _licence(weights: str | None) -> str | None:
    """Return the licence in the record of a backbone; None if there is no record or no licence."""
    if weights is None:
        return None
    details = read_record(Path(weights).parent).content["details"]
    licence: str | None = details["gguf"]["license"] if "gguf" in details else details["package"]["licence"]
    return licence


main(snakemake)
