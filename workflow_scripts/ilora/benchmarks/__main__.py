"""Measure claims of speed and memory: `make bench` runs ``ilora bench [SECTION ...]``.

`ilora bench gpu` is `make gpu`; `ilora bench scale` measures the cost of serving as users grow (docs/scale.md).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ilora.cli import example

if TYPE_CHECKING:
    from ilora.benchmarks.claims import Claim

_CLAIMS = "ilora.benchmarks.claims"

#: What is measured alone and takes arguments of its own, and the module that does it.
_ALONE: Mapping[str, str] = {"gpu": "ilora.benchmarks.gpu.__main__", "scale": "ilora.benchmarks.scale.__main__"}

#: The modules of each section; each has a function ``measure`` that yields claims.
SECTIONS: Mapping[str, Sequence[str]] = {
    "adapter": ("ilora.benchmarks.adapter",),
    "data": ("ilora.benchmarks.steam", "ilora.benchmarks.sequences"),
    "evaluation": ("ilora.benchmarks.answering",),
    "pretrained": ("ilora.benchmarks.pretrained",),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the requested sections, write each to its own file, and return an exit status.

    Only the standard library is imported before, since ``gpu`` first checks its requirements.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in _ALONE:
        return int(import_module(_ALONE[given[0]]).main(given[1:]))
    parser = argparse.ArgumentParser(
        prog="ilora bench",
        description=__doc__,
        epilog=example("bench"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"any of {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("results/benchmarks"), help="folder for SECTION.json")
    asked = parser.parse_args(given)
    unknown = set(asked.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"found section {', '.join(sorted(unknown))}, expected {', '.join(SECTIONS)}")
    # Silences the profiler, which counts memory and reports its start and stop on standard error.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    for section in asked.sections or SECTIONS:
        import_module(_CLAIMS).write_claims(list(_measured(section)), asked.folder / f"{section}.json")
    return 0


def _measured(section: str) -> Iterator[Claim]:
    for module in SECTIONS[section]:
        for claim in import_module(module).measure():
            print(import_module(_CLAIMS).show_claim(claim), flush=True)
            yield claim


if __name__ == "__main__":
    sys.exit(main())
