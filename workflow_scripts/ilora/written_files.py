"""Files of the repository that are generated from the code."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from ilora.cli import example


def outdated(files: Mapping[Path, str]) -> list[Path]:
    """Return the files whose text is outdated."""
    return [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def write_or_compare(
    command: str,
    description: str | None,
    render: Callable[[], Mapping[Path, str]],
    source: str,
    given: list[str] | None,
) -> int:
    """Write the files, or report which are outdated; return the exit status.

    Args:
        command: subcommand of `ilora`.
        description: description for its help.
        render: function that returns the text of each file.
        source: source of the files, for the message.
        given: arguments of the subcommand; None for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog=f"ilora {command}",
        description=description,
        epilog=example(command),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="write the files instead of only comparing them")
    is_writing = parser.parse_args(given).write
    files = render()
    if is_writing:
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
        return 0
    found = outdated(files)
    for path in found:
        print(f"{path} does not match the {source}: run `ilora {command} --write`")
    return 1 if found else 0
