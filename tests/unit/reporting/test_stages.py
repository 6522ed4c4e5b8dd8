"""The stages of the workflow, and their picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ilora.plotting.stage_picture import stage_picture
from ilora.reporting.stages import STAGES, stages_of
from ilora.study.study import Study


def test_every_file_of_rules_belongs_to_one_stage(repository: Path) -> None:
    files = sorted(name for stage in STAGES.values() for name in stage.rules)
    assert files == sorted(path.stem for path in (repository / "rules").glob("*.smk") if path.stem != "common")


def test_the_picture_has_a_box_for_each_stage_and_an_arrow_for_each_edge() -> None:
    picture = ElementTree.fromstring(stage_picture(STAGES))
    of_svg = "{http://www.w3.org/2000/svg}"
    names = [text.text for text in picture.iter(f"{of_svg}text") if text.get("class") == "name"]
    assert names == [stage.title for stage in STAGES.values()]
    arrows = [path for path in picture.iter(f"{of_svg}path") if path.get("marker-end")]
    assert len(arrows) == sum(len(stage.after) + len(stage.sometimes_after) for stage in STAGES.values())


def test_a_study_has_the_stages_of_its_methods() -> None:
    study = Study.load({"methods": ["popularity", "sasrec"]}, {})
    assert list(stages_of(study)) == ["data", "baselines", "recommenders", "evaluate", "report"]
    assert "Fine-tuning" not in stage_picture(stages_of(study))
