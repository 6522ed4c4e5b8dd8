"""Runs the parts of `ilora bench scale` one after another."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import PeftModel

from ilora.benchmarks.adaptations import instance_wise
from ilora.benchmarks.devices import describe
from ilora.benchmarks.scale.candidate_drawing import measure_candidates
from ilora.benchmarks.scale.different_users import measure_adaptations
from ilora.benchmarks.scale.large_model import measure_large_model
from ilora.benchmarks.scale.new_users import measure_new_users
from ilora.benchmarks.scale.number_of_users import measure_users
from ilora.benchmarks.scale.preparation import measure_preparation
from ilora.benchmarks.scale.report import Part, show_part, write_report
from ilora.benchmarks.scale.server import CPU
from ilora.benchmarks.scale.sizes import Served, Sizes
from ilora.benchmarks.workloads import Workload, random_llama


def run(parts: Sequence[str], folder: Path, sizes: Sizes, backbone: Path | None = None) -> None:
    """Measure parts in a fixed order; the report is rewritten after each measurement.

    Args:
        parts: some of `ilora.benchmarks.scale.__main__.PARTS`.
        folder: where ``scale.json`` and ``scale.md`` are written.
        sizes: sizes of the measurements.
        backbone: folder of a Llama whose shape replaces the pretrained backbone's; its weights are not read.
    """
    if backbone is not None:
        sizes = replace(sizes, served=tuple(_in_shape_of(served, backbone) for served in sizes.served))
    about = {"sizes": sizes.name, "hardware": describe(CPU, torch.float32)}
    measured: dict[str, Part] = {}
    seconds: dict[str, float] = {}
    with TemporaryDirectory() as temporary:
        begun = time.perf_counter()
        for name, part in _measure(parts, sizes, Path(temporary)):
            measured[name], seconds[name] = part, time.perf_counter() - begun
            begun = time.perf_counter()
            print(f"{name}: {seconds[name]:.0f} s\n\n{show_part(part)}", flush=True)
            took = "; ".join(f"{each} {value:.0f}" for each, value in seconds.items())
            write_report({**about, "seconds": took}, measured, folder)


def _measure(parts: Sequence[str], sizes: Sizes, temporary: Path) -> Iterator[tuple[str, Part]]:
    if "users" in parts:
        for served in sizes.served:
            yield f"users, {served.name}", measure_users(served, _instance_wise_model(served), sizes, temporary)
    if "adaptations" in parts:
        for served in sizes.served:
            yield f"adaptations, {served.name}", measure_adaptations(served, sizes.users)
    if "cold" in parts:
        yield "cold", measure_new_users(sizes, sizes.served[0].workload.batch)
    if "large_model" in parts:
        yield "large_model", measure_large_model(sizes.measured_rates, sizes.users, sizes.rate_rounds)
    if "candidates" in parts:
        yield "candidates", measure_candidates(sizes, temporary)
    if "preparation" in parts:
        yield "preparation", measure_preparation(sizes, temporary)


def _instance_wise_model(served: Served) -> PeftModel:
    return instance_wise(random_llama(served.workload, CPU, torch.float32).requires_grad_(False)).eval()


def _in_shape_of(served: Served, folder: Path) -> Served:
    """Return the pretrained backbone in the shape of another; the embedded one as it is."""
    if served.name != "pretrained":
        return served
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if config.get("model_type") != "llama":
        raise ValueError(f"{path}: found model_type {config.get('model_type')!r}, expected 'llama'")
    workload = Workload(
        batch=served.workload.batch,
        tokens=served.workload.tokens,
        layers=config["num_hidden_layers"],
        hidden_size=config["hidden_size"],
        intermediate_size=config["intermediate_size"],
        heads=config["num_attention_heads"],
        key_value_heads=config.get("num_key_value_heads"),
        vocabulary_size=config["vocab_size"],
        tied_embeddings=config.get("tie_word_embeddings", False),
    )
    return replace(served, workload=workload)
