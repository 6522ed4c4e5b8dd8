"""Generate `config.yaml` and its JSON schema from the model: `ilora schema --write`."""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from ilora.configuration.described_fields import default_in_yaml, description_of, ordered_fields, section_of
from ilora.configuration.section import Section
from ilora.configuration.study import StudyConfig
from ilora.written_files import outdated, write_or_compare

REPOSITORY = Path(__file__).resolve().parents[3]
SCHEMA_PATH = Path(__file__).with_name("config.schema.json")
CONFIG_PATH = REPOSITORY / "config.yaml"

_WIDTH = 110
_WIDEST_ALIGNED_KEY = 36
_GLUE = "\0"
_INTRODUCTION = """\
# yaml-language-server: $schema={schema}
# The default study: real MovieLens-100K and a small backbone that the pipeline pretrains itself, on two CPU
# cores. Generated from the model of the configuration by `ilora schema --write`.
# To define your own study, write a file with only the keys that differ, like those in studies/, and run
# snakemake --cores all --configfile FILE
"""


def render_schema() -> str:
    """Return the JSON schema of the configuration."""
    schema = StudyConfig.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2) + "\n"


def render_config() -> str:
    """Return the default configuration as YAML, with a comment for each key."""
    schema = SCHEMA_PATH.relative_to(REPOSITORY).as_posix()
    return _INTRODUCTION.format(schema=schema) + "\n" + _render_section(StudyConfig, indent="", gap="\n")


def _render_section(section: type[Section], indent: str, gap: str = "") -> str:
    """Return the keys of a section: plain ones, then nested sections with ``gap`` before each."""
    fields = ordered_fields(section)
    inner = {name: section_of(field) for name, field in fields.items()}
    text = "".join(_render_keys({name: fields[name] for name in fields if inner[name] is None}, indent))
    for name, part in inner.items():
        if part is not None:
            comment = textwrap.wrap(inspect.getdoc(part) or "", _WIDTH - len(indent) - 2)
            text += gap + "".join(f"{indent}# {line}\n" for line in comment)
            text += f"{indent}{name}:\n" + _render_section(part, indent + "  ")
    return text


def _render_keys(fields: dict[str, FieldInfo], indent: str) -> Iterator[str]:
    """Yield the lines of the keys; comments are aligned in one column, or placed above a key that is too long."""
    keys = {name: f"{indent}{name}: {default_in_yaml(field)}" for name, field in fields.items()}
    column = 2 + max((len(key) for key in keys.values() if len(key) <= _WIDEST_ALIGNED_KEY), default=0)
    for name, field in fields.items():
        comment = description_of(field)
        key = keys[name]
        if len(key) > _WIDEST_ALIGNED_KEY:
            lines = _wrap(comment, _WIDTH - len(indent) - 2)
            yield "".join(f"{indent}# {line}\n" for line in lines) + _in_lines(key, indent) + "\n"
        else:
            first, *rest = _wrap(comment, _WIDTH - column - 2)
            yield f"{key:<{column}}# {first}\n" + "".join(f"{'':<{column}}# {line}\n" for line in rest)


def _wrap(comment: str, width: int) -> list[str]:
    """Wrap a comment, keeping its list of allowed values on one line if it fits."""
    text, bracket, allowed = comment.partition(" [")
    kept_together = text + bracket + (allowed if len(allowed) >= width else allowed.replace(" ", _GLUE))
    return [line.replace(_GLUE, " ") for line in textwrap.wrap(kept_together, width, break_on_hyphens=False)]


def _in_lines(key: str, indent: str) -> str:
    """Break a key and its value between entries if they are too long for a line."""
    lines = textwrap.wrap(key.strip().replace(": ", f":{_GLUE}"), _WIDTH - len(indent), subsequent_indent="  ")
    return "\n".join(indent + line.replace(_GLUE, " ") for line in lines)


def rendered_files() -> dict[Path, str]:
    """Return the text of each of the two files."""
    return {SCHEMA_PATH: render_schema(), CONFIG_PATH: render_config()}


def outdated_files() -> list[Path]:
    """Return those of the two files that differ from the generated text."""
    return outdated(rendered_files())


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or report which are outdated; return the exit status."""
    return write_or_compare("schema", __doc__, rendered_files, "model", arguments)


if __name__ == "__main__":
    sys.exit(main())
