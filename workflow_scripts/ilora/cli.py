"""The command ``ilora``, with subcommands for everything outside the workflow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """A command of ``ilora``.

    Attributes:
        module: module whose ``main`` takes the arguments; imported when the command is called.
        does: summary of the command in one line.
        example: example call, without the leading ``ilora``.
    """

    module: str
    does: str
    example: str


COMMANDS = {
    "run": Command("ilora.run", "run a study, as `make run` does", "run studies/smoke.yaml --cores 2"),
    "predict": Command(
        "ilora.predict",
        "query a tuned adapter with one history",
        'predict .../seed~1/adapter --history "Dead Man Walking (1995)" "Heat (1995)"',
    ),
    "push": Command(
        "ilora.push",
        "upload a tuned adapter to the Hugging Face hub",
        "push .../seed~1/adapter my-organisation/ilora-movielens --dry-run",
    ),
    "accept": Command(
        "ilora.artifacts.acceptance",
        "keep results of an earlier code version",
        'accept --reason "llm/prompts.py was split" --configfile studies/paper.yaml',
    ),
    "table": Command("ilora.tables.table1.__main__", "print Table 1", "table results/tables/table1.parquet"),
    "schema": Command("ilora.configuration.schema", "generate config.yaml and its JSON schema", "schema --write"),
    "docs": Command("ilora.documentation.__main__", "generate pages of docs/ from the code", "docs --write"),
    "bench": Command("ilora.benchmarks.__main__", "measure claims of speed and memory", "bench adapter data"),
    "simulate": Command(
        "ilora.evaluation.simulation",
        "check the coverage of intervals and the error rates of tests",
        "simulate --simulations 200",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Call a command; return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in COMMANDS:
        return import_module(COMMANDS[given[0]].module).main(given[1:]) or 0
    parser = argparse.ArgumentParser(
        prog="ilora",
        description="Commands of iLoRA; see `ilora COMMAND --help` for details.",
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
    """Return the example of a command, for the end of its help."""
    return f"example:\n  ilora {COMMANDS[name].example}"


if __name__ == "__main__":
    sys.exit(main())
