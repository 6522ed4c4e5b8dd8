"""The page of artifacts, generated from the layout."""

import re
from pathlib import Path

from ilora.layout import Artifact, Layout
from ilora.plotting.markdown_table import markdown_table

_INTRODUCTION = """\
# Artifacts

All results of a run are below `results/`. Tables are Parquet and weights are safetensors; nothing is a pickle.

- The same configuration gives the same bytes on the same machine, whatever the value of `--cores`.
- An artifact is written completely or not at all. The same command resumes a killed run.
- Next to each artifact is its record, `FILE.provenance.json`, with settings, hashes of the inputs, versions and times.
  Every file that a rule reads is first compared with its record. Damaged, replaced or foreign files are refused, and
  the message names the file and what to delete ([When things break](when_things_break.md)).
- A change to a module of the library reruns the rules that use it.

## Folders
"""
_PATHS = """\
## Paths

Names in braces are wildcards. `{variant}` is `default`, or the settings of a sweep that differ from the study's own,
each as `name~value`. The table is generated from `ilora.layout` by `ilora docs --write`.
"""


def artifacts_page(results: Path) -> str:
    """Return the page: the folders listed in the README of the results, and the path of every artifact.

    Args:
        results: README of the results folder.
    """
    (folders,) = re.findall(r"^\| folder .*?\n\n", results.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    artifacts = {name: value for name, value in vars(Layout).items() if isinstance(value, Artifact)}
    paths = ((f"`{name}`", f"`{artifact.pattern}`") for name, artifact in artifacts.items())
    return "\n".join([_INTRODUCTION, folders + _PATHS, markdown_table(("in `ilora.layout.Layout`", "path"), paths)])
