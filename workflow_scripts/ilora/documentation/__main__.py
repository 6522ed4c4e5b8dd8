"""Writes the pages of docs/ that follow from the code: `ilora docs --write`."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from ilora.cli import example
from ilora.documentation.artifacts_page import artifacts_page
from ilora.documentation.configuration_page import configuration_page
from ilora.documentation.deviations_page import deviations_page

REPOSITORY = Path(__file__).resolve().parents[3]
#: The first is the default study.
STUDIES = {
    "The default study": "config.yaml",
    "The paper's own users": "studies/released.yaml",
    "The paper's study": "studies/paper.yaml",
    "A pretrained model": "studies/pretrained.yaml",
    "Every method and ablation": "studies/embedded.yaml",
    "The full ranking": "studies/full_ranking.yaml",
    "Generative recommenders": "studies/generative.yaml",
}


def written_pages() -> Mapping[Path, str]:
    """Return the text of each page by its path."""
    folder = REPOSITORY / "docs"
    return {
        folder / "configuration.md": configuration_page(),
        folder / "artifacts.md": artifacts_page(REPOSITORY / "results" / "README.md"),
        folder / "deviations.md": deviations_page({title: REPOSITORY / path for title, path in STUDIES.items()}),
    }


def outdated_pages() -> list[Path]:
    """Return the pages that differ from what the code gives."""
    return [
        path for path, text in written_pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or say which are outdated; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="ilora docs",
        description=__doc__,
        epilog=example("docs"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="write the pages instead of only comparing them")
    if parser.parse_args(arguments).write:
        for path, text in written_pages().items():
            path.write_text(text, encoding="utf-8")
        return 0
    for path in outdated_pages():
        print(f"{path} is not what the code gives: run `ilora docs --write`")
    return 1 if outdated_pages() else 0


if __name__ == "__main__":
    sys.exit(main())
