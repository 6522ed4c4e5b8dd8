"""The description of the machine that made an artifact."""

from pathlib import Path

import pytest

from ilora.artifacts.hardware import describe_machine, processor_name


def test_the_processor_has_the_name_that_linux_gives_it(tmp_path: Path) -> None:
    processors = tmp_path / "cpuinfo"
    processors.write_text("processor\t: 0\nvendor_id\t: Maker\nmodel name\t: Maker Chip: 9\n\nprocessor\t: 1\n")
    assert processor_name(processors) == "Maker Chip: 9"
    assert processor_name(tmp_path / "none")


@pytest.mark.parametrize(
    ("tool", "gpus"),
    [
        ("#!/bin/sh\necho 'Maker Card, 1000 MiB'\necho 'Maker Card, 1000 MiB'\n", ["Maker Card, 1000 MiB"] * 2),
        ("#!/bin/sh\necho 'no driver'\nexit 9\n", []),
        (None, []),
    ],
)
def test_graphics_processors_are_those_that_nvidias_tool_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str | None, gpus: list[str]
) -> None:
    if tool is not None:
        (tmp_path / "nvidia-smi").write_text(tool)
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    machine = describe_machine.__wrapped__()  # it is queried once per process
    assert machine["gpus"] == gpus
    assert int(str(machine["cores"])) >= 1 and str(machine["memory"]).endswith(" GiB")
