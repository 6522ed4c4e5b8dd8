"""What the iLoRA paper (arXiv 2408.10159) states of its ablations in numbers, as reference data.

Its Section 4.3.2 says by how many percent four experts are above two. Its Figures 4 and 5 print no numbers, and none
were read off them. Nothing here was recomputed, except the improvement over LLaRA, from the cells of its Table 1.
"""

from ilora.datasets.register import DATASETS, PAPER_DATASETS
from ilora.plotting.paper_reference import PROTOCOLS, recomputed_improvement

#: The language model behind every number here.
SOURCE = "paper (Llama-2-7B)"


def stated_improvement(
    dataset: str, protocol: str, parameter: str, reference: str | None, method: str, setting: str | None
) -> float | None:
    """Return by how many percent iLoRA is above another row of a sweep according to the paper; None if it says nothing.

    Args:
        dataset: id of the data set.
        protocol: how it was split.
        parameter: what the sweep varies.
        reference: its value in the row of iLoRA.
        method: of the other row.
        setting: its value there; None if the method does not read it.
    """
    if protocol not in PROTOCOLS or dataset not in PAPER_DATASETS:
        return None
    if method == "llara" and setting in (None, reference):
        return recomputed_improvement(dataset, method)
    is_stated = (method, parameter, reference, setting) == ("ilora", "experts", "4", "2")
    return DATASETS[dataset].published.four_experts_over_two if is_stated else None
