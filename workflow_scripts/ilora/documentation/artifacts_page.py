"""The page of artifacts, written from the layout."""

import re
from pathlib import Path

from ilora.documentation.markdown import markdown_table
from ilora.layout import Artifact, Layout

_INTRODUCTION = """\
# Artifacts

Everything that a run makes lies below `results/`. Tables are Parquet and weights are safetensors; nothing is a pickle.

- The same configuration gives the same bytes on the same machine, whatever `--cores` says.
- An artifact is written whole or not at all. A killed run is resumed by the same command.
- Next to each artifact lies its record, `FILE.provenance.json`: settings, hashes of the inputs, versions, times.
  Whatever a rule reads is compared with its record first; damaged, replaced or foreign files are refused by name, with
  what to delete ([When things break](when_things_break.md)).
- A change to a module of the library reruns the rules that use it.

## Folders
"""
_PATHS = """\
## Paths

Names in braces are wildcards. `{variant}` is `default`, or the settings of a sweep that differ from the study's own,
each as `name~value`. The table is written from `ilora.layout` (`ilora docs --write`).
"""


def artifacts_page(results: Path) -> str:
    """Return the page: the folders as the results' own README lists them, and the path of every artifact.

    Args:
        results: the README of the folder of results.
    """
    (folders,) = re.findall(r"^\| folder .*?\n\n", results.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    artifacts = {name: value for name, value in vars(Layout).items() if isinstance(value, Artifact)}
    paths = ((f"`{name}`", f"`{artifact.pattern}`") for name, artifact in artifacts.items())
    return "\n".join([_INTRODUCTION, folders + _PATHS, markdown_table(("in `ilora.layout.Layout`", "path"), paths)])
