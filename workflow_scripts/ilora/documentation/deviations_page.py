"""The page of deviations from the paper, written from what the report declares."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from ilora.configuration.loading import load_study
from ilora.deviations.declaration import Deviation
from ilora.deviations.register import deviations_of
from ilora.deviations.settings import deviation_settings
from ilora.documentation.markdown import markdown_table

_INTRODUCTION = """\
# Deviations from the paper

The paper is arXiv 2408.10159, and where its text leaves something open, the code and split files released with it. Each
study's report lists the deviations that its own settings have. This page has those of the default study, then what the
other studies add. What is not listed follows the paper, as far as is known. The page is written from the same source as
the report (`ilora docs --write`).
"""


def deviations_page(studies: Mapping[str, Path]) -> str:
    """Return the page.

    Args:
        studies: by title, files that lie over the defaults, in their order on the page.
    """
    parts, listed = [_INTRODUCTION], set[Deviation]()
    for title, path in studies.items():
        new = [one for one in _deviations(path) if one not in listed]
        listed.update(new)
        if new:
            parts += [f"## {title}\n", markdown_table(("subject", "the paper", "here", "what it changes"), _rows(new))]
    return "\n".join(parts)


def _deviations(path: Path) -> list[Deviation]:
    study = load_study(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return deviations_of(deviation_settings(study))


def _rows(deviations: Iterable[Deviation]) -> Iterator[tuple[str, str, str, str]]:
    return ((one.subject, one.paper, one.here, one.effect) for one in deviations)
