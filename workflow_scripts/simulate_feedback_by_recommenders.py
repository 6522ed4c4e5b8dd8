"""Simulate recommend, click and retrain for the oracle, popularity and SASRec."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.provenance import provenance_of
from ilora.configuration.sections.feedback import FeedbackSection
from ilora.configuration.sections.negative_transfer import NegativeTransferSection
from ilora.configuration.sections.recommender_values import SASRecSection
from ilora.feedback.configured import display, retraining_of_sasrec, simulated_users
from ilora.feedback.outcomes import measure_policies
from ilora.feedback.policies import Oracle, Policy, Popularity
from ilora.feedback.sasrec import SASRecPolicy
from ilora.negative_transfer.vocabulary import Vocabulary
from ilora.progress import start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the outcomes of all three in each round."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    params, seed = snakemake.params, int(snakemake.wildcards.seed)
    section = FeedbackSection.read(params.feedback)
    synthetic = NegativeTransferSection.read(params.synthetic)
    users = simulated_users(section, synthetic, seed)
    sasrec = SASRecPolicy(
        Vocabulary(synthetic.items, synthetic.groups),
        section.group_in_prompt,
        SASRecSection.read(params.sasrec),
        params.embedding_size,
        retraining_of_sasrec(section, seed),
    )
    policies: dict[str, Policy] = {"oracle": Oracle(users), "popularity": Popularity(synthetic.items), "sasrec": sasrec}
    outcomes = measure_policies(users, policies, display(section), section.rounds, logger)
    write_table(outcomes, snakemake.output.outcomes)
    provenance.record(snakemake.output.outcomes, config={**dict(params.items()), "seed": seed})


main(snakemake)
