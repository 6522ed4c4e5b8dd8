"""The command ``ilora``: what there is besides the workflow, under one name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from ilora.library_messages import silence_libraries


@dataclass(frozen=True)
class Command:
    """A command of ``ilora``.

    Attributes:
        module: whose ``main`` takes its arguments; imported when it is called.
        does: what it does, in a line.
        example: a call of it, without the ``ilora`` before it.
    """

    module: str
    does: str
    example: str


COMMANDS = {
    "run": Command("ilora.run", "make a study, as `make run` does", "run studies/smoke.yaml --cores 2"),
    "predict": Command(
        "ilora.predict",
        "ask a tuned adapter about one history",
        'predict .../seed~1/adapter --history "Dead Man Walking (1995)" "Heat (1995)"',
    ),
    "push": Command(
        "ilora.push",
        "put a tuned adapter on the Hugging Face hub",
        "push .../seed~1/adapter my-organisation/ilora-movielens --dry-run",
    ),
    "accept": Command(
        "ilora.artifacts.acceptance",
        "keep what was made by other code",
        'accept --reason "llm/prompts.py was split" --configfile studies/paper.yaml',
    ),
    "table": Command("ilora.tables.table1.__main__", "print Table 1", "table results/tables/table1.parquet"),
    "schema": Command("ilora.configuration.schema", "write config.yaml and its JSON schema", "schema --write"),
    "docs": Command("ilora.documentation.__main__", "write pages of docs/ from the code", "docs --write"),
    "bench": Command("ilora.benchmarks.__main__", "measure claims of speed and memory", "bench adapter data"),
    "simulate": Command(
        "ilora.evaluation.simulation",
        "show that intervals and tests hold what they promise",
        "simulate --simulations 200",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Call a command; return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in COMMANDS:
        silence_libraries()
        return import_module(COMMANDS[given[0]].module).main(given[1:]) or 0
    parser = argparse.ArgumentParser(
        prog="ilora",
        description="Commands of iLoRA; `ilora COMMAND --help` says more of one.",
        epilog=_examples(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    parser.parse_args(given)
    return 0


def _examples() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.does}" for name, command in COMMANDS.items()]
    return "\n".join(["commands:", *lines, "", "examples:", *(f"  ilora {c.example}" for c in COMMANDS.values())])


def example(name: str) -> str:
    """Return the example of a command, for the end of its own help."""
    return f"example:\n  ilora {COMMANDS[name].example}"


if __name__ == "__main__":
    sys.exit(main())
