"""Numbers on ablations in the iLoRA paper (arXiv 2408.10159), as reference data.

Section 4.3.2 states the improvement of four experts over two. Figures 4 and 5 print no numbers, and none were read off
them. Only the improvement over LLaRA was recomputed, from the cells of Table 1.
"""

from ilora.datasets.register import DATASETS, PAPER_DATASETS
from ilora.plotting.paper_reference import PROTOCOLS, recomputed_improvement

#: The language model behind every number here.
SOURCE = "paper (Llama-2-7B)"


def stated_improvement(
    dataset: str, protocol: str, parameter: str, reference: str | None, method: str, setting: str | None
) -> float | None:
    """Return the paper's improvement of iLoRA over another row of a sweep, in percent; None if it states none.

    Args:
        dataset: id of the data set.
        protocol: protocol of the split.
        parameter: swept setting.
        reference: its value in iLoRA's row.
        method: method of the other row.
        setting: its value there; None if the method does not read it.
    """
    if protocol not in PROTOCOLS or dataset not in PAPER_DATASETS:
        return None
    if method == "llara" and setting in (None, reference):
        return recomputed_improvement(dataset, method)
    is_stated = (method, parameter, reference, setting) == ("ilora", "experts", "4", "2")
    return DATASETS[dataset].published.four_experts_over_two if is_stated else None
