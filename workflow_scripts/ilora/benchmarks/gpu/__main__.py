"""Check that everything works on this machine's GPU, and measure its speed: `make gpu`, `ilora bench gpu [PART ...]`.

Without a GPU, everything runs in miniature, which tests the code but not its speed. --prepared FOLDER reads files that
were prepared on another machine; see docs/gpus.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ilora.benchmarks.gpu.requirements import LEAST_VERSIONS, OF_ANY_VERSION, needed_to_rebuild, problems


def main(arguments: Sequence[str]) -> int:
    """Prepare, measure or import; return an exit status, 1 if something failed or is missing."""
    parser = argparse.ArgumentParser(
        prog="ilora bench gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="parts to run (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("results/benchmarks/gpu"), help="folder for gpu.json")
    parser.add_argument("--prepared", type=Path, metavar="FOLDER", help="use files from --prepare")
    parser.add_argument("--prepare", type=Path, metavar="FOLDER", help="prepare files with the workflow, and exit")
    parser.add_argument("--study", type=Path, default=Path("studies/pretrained.yaml"), help="study to prepare")
    parser.add_argument("--dataset", default="movielens", help="its data set to prepare")
    parser.add_argument("--take", type=Path, metavar="FOLDER", help="import the output of the prepared jobs, and exit")
    asked = parser.parse_args(arguments)
    lacking = problems(LEAST_VERSIONS, (*OF_ANY_VERSION, *needed_to_rebuild(asked.prepared)))
    if lacking:
        print("ilora bench gpu needs these packages; install or upgrade them:", *lacking, sep="\n  ", file=sys.stderr)
        return 1
    if asked.prepare is not None:
        return int(import_module("ilora.benchmarks.gpu.preparation").prepare(asked.prepare, asked.study, asked.dataset))
    if asked.take is not None:
        return int(import_module("ilora.benchmarks.gpu.taking_up").take_up(asked.take, Path.cwd()))
    # No requests to the hub, and no messages of the profiler, which counts memory, about its start and stop.
    os.environ.update({"HF_HUB_OFFLINE": "1", "KINETO_LOG_LEVEL": "6"})
    return int(import_module("ilora.benchmarks.gpu.run").run(asked.parts, asked.folder, asked.prepared))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
