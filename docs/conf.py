"""Sphinx: `make docs` builds the site of docs/, strictly."""

import sys
from pathlib import Path

# The library, whose docstrings are the adapter's API.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

project = "iLoRA, reproduced"
author = "The iLoRA reproduction authors"
copyright = author

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# The pages are also read as they are, in the repository: links name files, and headings are their own anchors.
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
