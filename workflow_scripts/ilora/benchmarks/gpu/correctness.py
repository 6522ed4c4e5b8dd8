"""Part ``correctness``: checks of the results that this device computes."""

from collections.abc import Iterator

from ilora.benchmarks.gpu import adapter_checks, batch_checks, likelihood_checks, tuning_checks
from ilora.benchmarks.gpu.parts import Bench, Section
from ilora.benchmarks.gpu.sizes import MINIATURE
from ilora.benchmarks.gpu.small_study import make_small_study


def sections(bench: Bench) -> Iterator[Section]:
    """Yield the sections, which are equally small on a GPU, since their references are computed on the processor."""
    yield Section("adapter", lambda: adapter_checks.measure(bench.device))
    yield Section("batches", lambda: batch_checks.measure(bench.device))
    job = make_small_study(bench.folder / "correctness", MINIATURE)
    yield Section("likelihoods", lambda: likelihood_checks.measure(job))
    yield Section("fine-tuning", lambda: tuning_checks.measure(job, bench.device))
