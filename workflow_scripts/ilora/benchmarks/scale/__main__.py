"""Measure the cost of serving as users grow, and of preparing and evaluating 10 million interactions.

It writes scale.json and, as tables, scale.md; docs/scale.md explains both.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

PARTS = ("users", "adaptations", "cold", "large_model", "candidates", "preparation")


def main(arguments: Sequence[str]) -> int:
    """Run the parts and write ``scale.json`` and ``scale.md``; return an exit status."""
    parser = argparse.ArgumentParser(
        prog="ilora bench scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all of them, or: {', '.join(PARTS)}")
    parser.add_argument(
        "--folder", type=Path, default=Path("results/benchmarks"), help="where the two files are written"
    )
    parser.add_argument(
        "--backbone", type=Path, metavar="FOLDER", help="a Llama whose shape is measured instead of SmolLM2-135M's"
    )
    parser.add_argument("--miniature", action="store_true", help="small sizes, which show only that it runs")
    asked = parser.parse_args(arguments)
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"found part {', '.join(sorted(unknown))}, expected {', '.join(PARTS)}")
    if asked.backbone is not None and not (asked.backbone / "config.json").is_file():
        parser.error(f"--backbone: found no config.json in {asked.backbone}, expected the folder of a Llama")
    os.environ.update({"HF_HUB_OFFLINE": "1", "KINETO_LOG_LEVEL": "6"})
    sizes = import_module("ilora.benchmarks.scale.sizes").SIZES["miniature" if asked.miniature else "full"]
    import_module("ilora.benchmarks.scale.run").run(asked.parts or PARTS, asked.folder, sizes, asked.backbone)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
