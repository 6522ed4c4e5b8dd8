"""`config.yaml` and the JSON schema agree with the model."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from ilora.configuration import schema
from ilora.configuration.section import Section
from ilora.configuration.study import StudyConfig


def test_the_files_have_not_drifted_from_the_model() -> None:
    assert schema.outdated_files() == [], "run: ilora schema --write"


def test_every_key_of_the_default_file_has_a_comment(repository: Path) -> None:
    lines = (repository / "config.yaml").read_text(encoding="utf-8").splitlines()
    for above, line in zip([""] + lines, lines, strict=False):
        if line and not line.lstrip().startswith("#"):
            goes_on = above.endswith(",")  # a value of several lines
            assert "  # " in line or above.lstrip().startswith("# ") or goes_on, line


def test_lines_of_the_default_file_are_short(repository: Path) -> None:
    lines = (repository / "config.yaml").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 120


def test_allowed_values_stand_on_one_line_where_they_fit_and_no_name_is_cut(repository: Path) -> None:
    text = (repository / "config.yaml").read_text(encoding="utf-8")
    assert "[released, random_users, chronological]" in text
    words = {word.strip("[],") for line in text.splitlines() for word in line.partition("#")[2].split()}
    assert {*StudyConfig().methods, "tiger", "cofirec", "zero_shot"} <= words


def test_the_default_file_satisfies_the_json_schema(repository: Path) -> None:
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    rules = json.loads(schema.SCHEMA_PATH.read_text(encoding="utf-8"))
    jsonschema.validate(config, rules)
    config["finetuning"]["gate"] = "deep"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, rules)


def test_a_union_with_numbers_is_no_list_of_allowed_values(repository: Path) -> None:
    lines = (repository / "config.yaml").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("  weight_decay: 0.0 ") and "searched" in line]
    assert "[" not in line


def test_every_field_is_described() -> None:
    waiting: list[type[Section]] = [StudyConfig]
    while waiting:
        section = waiting.pop()
        for name, field in section.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                assert field.annotation.__doc__
                waiting.append(field.annotation)
            else:
                assert field.description, f"{section.__name__}.{name}"


def test_writing_restores_files_that_drifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "REPOSITORY", tmp_path)
    monkeypatch.setattr(schema, "CONFIG_PATH", tmp_path / "config.yaml")
    monkeypatch.setattr(schema, "SCHEMA_PATH", tmp_path / "config.schema.json")
    assert schema.main([]) == 1
    assert "run `ilora schema --write`" in capsys.readouterr().out
    assert schema.main(["--write"]) == 0
    assert schema.main([]) == 0
    (tmp_path / "config.yaml").write_text("study: mine\n", encoding="utf-8")
    assert schema.main([]) == 1
