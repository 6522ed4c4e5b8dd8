from pathlib import Path

from ilora.benchmarks.claims import describe_processor


def test_the_processor_has_the_name_that_linux_gives_it(tmp_path: Path) -> None:
    processors = tmp_path / "cpuinfo"
    processors.write_text("processor\t: 0\nvendor_id\t: Maker\nmodel name\t: Maker Chip: 9\n\nprocessor\t: 1\n")
    assert describe_processor(processors).startswith("Maker Chip: 9, ")


def test_without_a_list_of_processors_python_names_it(tmp_path: Path) -> None:
    name, cores, system = describe_processor(tmp_path / "none").rsplit(", ", 2)
    assert name and cores.endswith(" cores") and system
