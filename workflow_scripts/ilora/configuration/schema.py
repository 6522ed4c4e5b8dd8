"""Writes `config.yaml` and its JSON schema from the model: `ilora schema --write`."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from ilora.cli import example
from ilora.configuration.section import Section
from ilora.configuration.study import StudyConfig

REPOSITORY = Path(__file__).resolve().parents[3]
SCHEMA_PATH = Path(__file__).with_name("config.schema.json")
CONFIG_PATH = REPOSITORY / "config.yaml"

_WIDTH = 110
_WIDEST_ALIGNED_KEY = 36
_GLUE = "\0"
_INTRODUCTION = """\
# yaml-language-server: $schema={schema}
# The default study: real MovieLens-100K and a small backbone that the pipeline pretrains itself, on two CPU
# cores. Written from the model of the configuration (`ilora schema --write`).
# A study of your own is a file that names only what differs from this one, like those in studies/:
# snakemake --cores all --configfile FILE
"""


def render_schema() -> str:
    """Return the JSON schema of the configuration."""
    schema = StudyConfig.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2) + "\n"


def render_config() -> str:
    """Return the default configuration as YAML, each key with its comment."""
    schema = SCHEMA_PATH.relative_to(REPOSITORY).as_posix()
    return _INTRODUCTION.format(schema=schema) + "\n" + _render_section(StudyConfig, indent="", gap="\n")


def _render_section(section: type[Section], indent: str, gap: str = "") -> str:
    """Return the keys of a section: plain ones, then the sections inside it, ``gap`` before each."""
    fields = _ordered(section)
    inner = {name: _section_of(field) for name, field in fields.items()}
    text = "".join(_render_keys({name: fields[name] for name in fields if inner[name] is None}, indent))
    for name, part in inner.items():
        if part is not None:
            comment = textwrap.wrap(inspect.getdoc(part) or "", _WIDTH - len(indent) - 2)
            text += gap + "".join(f"{indent}# {line}\n" for line in comment)
            text += f"{indent}{name}:\n" + _render_section(part, indent + "  ")
    return text


def _section_of(field: FieldInfo) -> type[Section] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def _ordered(section: type[Section]) -> dict[str, FieldInfo]:
    """Return a section's fields, those of its own before inherited ones."""
    own = {name: field for name, field in section.model_fields.items() if name in section.__annotations__}
    return own | section.model_fields


def _render_keys(fields: dict[str, FieldInfo], indent: str) -> Iterator[str]:
    """Yield the lines of the keys; comments stand in one column, or above a key that reaches beyond it."""
    keys = {name: f"{indent}{name}: {_flow(field)}" for name, field in fields.items()}
    column = 2 + max((len(key) for key in keys.values() if len(key) <= _WIDEST_ALIGNED_KEY), default=0)
    for name, field in fields.items():
        comment = _comment(field)
        key = keys[name]
        if len(key) > _WIDEST_ALIGNED_KEY:
            lines = _wrap(comment, _WIDTH - len(indent) - 2)
            yield "".join(f"{indent}# {line}\n" for line in lines) + _in_lines(key, indent) + "\n"
        else:
            first, *rest = _wrap(comment, _WIDTH - column - 2)
            yield f"{key:<{column}}# {first}\n" + "".join(f"{'':<{column}}# {line}\n" for line in rest)


def _wrap(comment: str, width: int) -> list[str]:
    """Wrap a comment, but not inside its list of allowed values, unless that is longer than a line."""
    text, bracket, allowed = comment.partition(" [")
    kept_together = text + bracket + (allowed if len(allowed) >= width else allowed.replace(" ", _GLUE))
    return [line.replace(_GLUE, " ") for line in textwrap.wrap(kept_together, width, break_on_hyphens=False)]


def _in_lines(key: str, indent: str) -> str:
    """Break a key with its value between entries, where it is too long for a line."""
    lines = textwrap.wrap(key.strip().replace(": ", f":{_GLUE}"), _WIDTH - len(indent), subsequent_indent="  ")
    return "\n".join(indent + line.replace(_GLUE, " ") for line in lines)


def _flow(field: FieldInfo) -> str:
    """Return a field's default as YAML on one line."""
    default = field.default
    value = list(default) if isinstance(default, tuple) else default
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _comment(field: FieldInfo) -> str:
    """Return a field's description, with the allowed values where it has a fixed set of them."""
    allowed = ", ".join("null" if value is None else str(value) for value in _allowed(field.annotation))
    return f"{field.description} [{allowed}]" if allowed else str(field.description)


def _allowed(annotation: object) -> list[object]:
    """Return the values of the Literals in an annotation, in order; None where null is one of them."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) is dict:
        return []
    if _is_more_than_literals(annotation):
        return []
    found = [value for part in get_args(annotation) for value in _allowed(part)]
    return found + [None] if found and type(None) in get_args(annotation) else found


def _is_more_than_literals(annotation: object) -> bool:
    """Return whether values beside those of the Literals in a union are allowed, other than null."""
    if get_origin(annotation) not in (Union, UnionType):
        return False
    return any(not _allowed(part) for part in get_args(annotation) if part is not type(None))


def outdated_files() -> list[Path]:
    """Return those of the two files that differ from what the model gives."""
    rendered = {SCHEMA_PATH: render_schema(), CONFIG_PATH: render_config()}
    return [path for path, text in rendered.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or say which are outdated; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="ilora schema",
        description=__doc__,
        epilog=example("schema"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="write the files instead of only comparing them")
    if parser.parse_args(arguments).write:
        SCHEMA_PATH.write_text(render_schema(), encoding="utf-8")
        CONFIG_PATH.write_text(render_config(), encoding="utf-8")
        return 0
    for path in outdated_files():
        print(f"{path} is not what the model gives: run `ilora schema --write`")
    return 1 if outdated_files() else 0


if __name__ == "__main__":
    sys.exit(main())
