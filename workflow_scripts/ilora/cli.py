"""The command ``ilora``, with a subcommand for everything besides the workflow itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from ilora.library_messages import silence_libraries


@dataclass(frozen=True)
class Command:
    """A subcommand of ``ilora``.

    Attributes:
        module: module with the subcommand's ``main``; imported when it is called.
        does: description in one line.
        example: an example call, without ``ilora``.
    """

    module: str
    does: str
    example: str


COMMANDS = {
    "run": Command("ilora.run", "run a study, as `make run` does", "run studies/smoke.yaml --cores 2"),
    "predict": Command(
        "ilora.predict",
        "predict the next item for one history with a tuned adapter",
        'predict .../seed~1/adapter --history "Dead Man Walking (1995)" "Heat (1995)"',
    ),
    "push": Command(
        "ilora.push",
        "upload a tuned adapter to the Hugging Face hub",
        "push .../seed~1/adapter my-organisation/ilora-movielens --dry-run",
    ),
    "accept": Command(
        "ilora.artifacts.acceptance",
        "keep artifacts that earlier code made",
        'accept --reason "llm/prompts.py was split" --configfile studies/paper.yaml',
    ),
    "table": Command("ilora.tables.table1.__main__", "print Table 1", "table results/tables/table1.parquet"),
    "schema": Command("ilora.configuration.schema", "write config.yaml and its JSON schema", "schema --write"),
    "docs": Command("ilora.documentation.__main__", "write the generated pages of docs/", "docs --write"),
    "bench": Command("ilora.benchmarks.__main__", "measure claims of speed and memory", "bench adapter data"),
    "simulate": Command(
        "ilora.evaluation.simulation",
        "check intervals and tests by simulation",
        "simulate --simulations 200",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in COMMANDS:
        silence_libraries()
        return import_module(COMMANDS[given[0]].module).main(given[1:]) or 0
    parser = argparse.ArgumentParser(
        prog="ilora",
        description="Commands of iLoRA. `ilora COMMAND --help` describes one of them.",
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
    """Return the example of a subcommand, for the end of its help."""
    return f"example:\n  ilora {COMMANDS[name].example}"


if __name__ == "__main__":
    sys.exit(main())
