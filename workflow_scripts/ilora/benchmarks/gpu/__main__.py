"""`make gpu`: whether everything works on this machine's GPU, and how fast; `ilora bench gpu [PART ...]`.

On a machine without a GPU it runs all of it in miniature, which shows that it runs and nothing of speed. Files that
were prepared on another machine are taken from --prepared FOLDER: docs/gpus.md.
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
    """Prepare, measure or take up; return an exit status, 1 where something failed or is missing."""
    parser = argparse.ArgumentParser(
        prog="ilora bench gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="all of them, or some by name")
    parser.add_argument("--folder", type=Path, default=Path("results/benchmarks/gpu"), help="where gpu.json is put")
    parser.add_argument("--prepared", type=Path, metavar="FOLDER", help="files that were prepared beforehand")
    parser.add_argument("--prepare", type=Path, metavar="FOLDER", help="prepare them, with the workflow, and end")
    parser.add_argument("--study", type=Path, default=Path("studies/pretrained.yaml"), help="to prepare")
    parser.add_argument("--dataset", default="movielens", help="of the study, to prepare")
    parser.add_argument("--take", type=Path, metavar="FOLDER", help="take up what the prepared jobs made, and end")
    asked = parser.parse_args(arguments)
    lacking = problems(LEAST_VERSIONS, (*OF_ANY_VERSION, *needed_to_rebuild(asked.prepared)))
    if lacking:
        print("ilora bench gpu needs these packages, and Python alone besides:", *lacking, sep="\n  ", file=sys.stderr)
        return 1
    if asked.prepare is not None:
        return int(import_module("ilora.benchmarks.gpu.preparation").prepare(asked.prepare, asked.study, asked.dataset))
    if asked.take is not None:
        return int(import_module("ilora.benchmarks.gpu.taking_up").take_up(asked.take, Path.cwd()))
    # No library asks the hub for anything; the profiler, which counts memory, would say that it starts and stops.
    os.environ.update({"HF_HUB_OFFLINE": "1", "KINETO_LOG_LEVEL": "6"})
    return int(import_module("ilora.benchmarks.gpu.run").run(asked.parts, asked.folder, asked.prepared))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
