"""Damaged or exchanged artifacts of the finished smoke study, and the errors of the rules that read them.

Run it with the folder of a finished copy and a file for the outcomes:
python tests/workflow/damaged_inputs.py FOLDER OUTCOMES.json
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rule_scripts import Job, Results, plan_jobs

STUDY = "studies/smoke.yaml"
RESULTS = Path("results/smoke")
DATA = "data/movielens/random_users"
BACKBONE = "backbone/movielens/random_users/embedded"
SASREC, MOREC = (f"recommenders/movielens/random_users/{name}/seed~1" for name in ("sasrec", "morec"))
LLARA, ILORA, TALLREC = (
    f"finetune/movielens/random_users/embedded/{name}/default/seed~1" for name in ("llara", "ilora", "tallrec")
)
ANSWERS = "llm/movielens/random_users/embedded/ilora/default/seed~1"
POPULARITY = "baselines/movielens/random_users/popularity"
TITLES = "title_vectors/movielens/random_users/embedded/title_vectors.safetensors"
GATES = "analysis/movielens/random_users/embedded/ilora/default/seed~1/gates.parquet"
COSTS = "benchmarks/rules/draw_candidates/movielens/random_users.tsv"

Damage = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """One damaged artifact.

    Attributes:
        rule: rule whose script reads it.
        path: path of the file or folder, below the results.
        damage: function that damages it.
        says: regular expression for the error message after the path of `named`.
        named: file that the error names, if it is another.
        output: part of the output paths that identifies the job of the rule.
    """

    rule: str
    path: str
    damage: Damage
    says: str
    named: str = ""
    output: str = ""

    @property
    def name(self) -> str:
        """The name in test reports."""
        return f"{self.rule}-{Path(self.path).name}-{self.damage.__name__}"

    def find(self, jobs: list[Job]) -> Job:
        """Return the job that reads it."""
        (job, *_) = [job for job in jobs if job.rule == self.rule and self.output in job.given.output[0]]
        return job


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut_in_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def one_bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def missing(path: Path) -> None:
    path.unlink()


def replaced_by(other: str, *, name: str) -> Damage:
    """Replace it by another file or folder of the study; the record stays."""

    def damage(path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
            shutil.copytree(RESULTS / other, path)
        else:
            shutil.copyfile(RESULTS / other, path)

    damage.__name__ = name
    return damage


def without_record(damage: Damage) -> Damage:
    """Remove the record too, as in results of an earlier version: only the file's own content is left."""

    def damage_both(path: Path) -> None:
        from ilora.artifacts.writing import record_path

        for place in (path, path.parent):
            record_path(place).unlink(missing_ok=True)
        damage(path)

    damage_both.__name__ = f"{damage.__name__}_and_no_record"
    return damage_both


def other_values(path: Path) -> None:
    """Replace tensors by others with valid digests, as from another run."""
    from ilora.artifacts.tensors import read_metadata, read_tensors, write_tensors
    from ilora.artifacts.writing import record_path

    tensors, metadata, record = read_tensors(path), read_metadata(path), record_path(path)
    kept = record.read_bytes() if record.exists() else None
    write_tensors({name: tensor * 1.5 for name, tensor in tensors.items()}, path, metadata)
    if kept is not None:
        record.write_bytes(kept)


def of_another_run(path: Path) -> None:
    """Replace tensors by those of another run, with its record."""
    from ilora.artifacts.provenance import provenance

    other_values(path)
    provenance("made", inputs=[RESULTS / DATA / "items.parquet", RESULTS / DATA / "sequences.parquet"]).record(path)


def of_other_data(path: Path) -> None:
    """Replace vectors by valid ones with the record of a run on another catalogue."""
    from ilora.artifacts.provenance import provenance

    other = path.parent / "items.parquet"
    shutil.copyfile(RESULTS / DATA / "candidates.parquet", other)
    provenance("made", inputs=[other]).record(path)


def of_fewer_items(path: Path) -> None:
    """Replace the item embeddings by those of a smaller catalogue."""
    from ilora.artifacts.tensors import read_tensors, write_tensors

    write_tensors({name: tensor[:-7] for name, tensor in read_tensors(path).items()}, path)


def of_another_draw(path: Path) -> None:
    """Replace the candidate sets by others of the same sequences, with a matching record."""
    from ilora.artifacts.parquet import read_table, write_table
    from ilora.artifacts.provenance import provenance
    from ilora.artifacts.schemas import CANDIDATES, INTERACTIONS, ITEMS, SEQUENCES
    from ilora.data.protocols import draw_candidate_sets

    sequences = read_table(path.with_name("sequences.parquet"), SEQUENCES)
    interactions = read_table(path.with_name("interactions.parquet"), INTERACTIONS)
    sets = read_table(path, CANDIDATES)
    size, draws = len(sets["candidates"][0]), int(sets["draw"].to_numpy().max()) + 1
    items = read_table(path.with_name("items.parquet"), ITEMS).num_rows
    drawn = draw_candidate_sets(
        sequences, interactions, "random_users", number_of_items=items, size=size, draws=draws, seed=12345
    )
    write_table(drawn, path)
    provenance("made", inputs=[path.with_name("sequences.parquet")]).record(path, config={"seed": 12345})


def of_other_predictions(path: Path) -> None:
    """Replace the metrics by those of another method's predictions, with their record."""
    from ilora.artifacts.writing import record_path

    other = RESULTS / SASREC / "metrics.parquet"
    shutil.copyfile(other, path)
    shutil.copyfile(record_path(other), record_path(path))


def without_rows(path: Path) -> None:
    """Replace a table by an empty one of the right schema, with a matching record."""
    from ilora.artifacts.parquet import read_table, write_table

    write_table(read_table(path).slice(0, 0), path)


def without_its_loss(path: Path) -> None:
    from ilora.artifacts.parquet import read_table, write_table

    write_table(read_table(path).drop_columns(["loss"]), path)


def changed_json(**values: object) -> Damage:
    """Replace a value of a JSON file by another valid one, and remove the record."""

    def damage(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    damage.__name__ = "with_other_" + "_".join(values)
    return damage


def record_cut_in_half(path: Path) -> None:
    from ilora.artifacts.writing import record_path

    cut_in_half(record_path(path))


NOT_WRITTEN = r"found \d+ bytes of sha256 .*expected the one of sha256 .*altered or replaced\. "
THIS = r"Delete this file and run the workflow again"
FOLDER = r"Delete the folder \S+ and run the workflow again"
UNREADABLE = r"is not a whole (Parquet|safetensors|JSON) file .*"

CASES = (
    # Tables of data.
    Case("make_sequences", f"{DATA}/interactions.parquet", cut_in_half, NOT_WRITTEN + THIS),
    Case("make_sequences", f"{DATA}/interactions.parquet", without_record(cut_in_half), UNREADABLE + THIS),
    Case("draw_candidates", f"{DATA}/sequences.parquet", emptied, NOT_WRITTEN + THIS),
    Case("draw_candidates", f"{DATA}/sequences.parquet", without_record(emptied), UNREADABLE + THIS),
    Case(
        "draw_candidates",
        f"{DATA}/sequences.parquet",
        without_record(replaced_by(f"{DATA}/items.parquet", name="replaced_by_items")),
        r"has the columns .*expected .*'split'.*" + THIS,
    ),
    Case("compute_dataset_statistics", f"{DATA}/interactions.parquet", one_bit_flipped, NOT_WRITTEN + THIS),
    Case("make_dataset_statistics", f"{DATA}/preparation_steps.parquet", emptied, NOT_WRITTEN + THIS),
    Case("score_baseline", f"{DATA}/candidates.parquet", one_bit_flipped, NOT_WRITTEN + THIS),
    Case("score_baseline", f"{DATA}/items.parquet", missing, r"no such artifact\. Run the workflow to create it"),
    # Recommenders and vectors of titles.
    Case("train_recommender", f"{DATA}/candidates.parquet", cut_in_half, NOT_WRITTEN + THIS, output="sasrec"),
    Case(
        "train_recommender",
        f"{DATA}/items.parquet",
        record_cut_in_half,
        r"is not a complete record .*Delete it, with \S+items\.parquet, and run",
        named=f"{DATA}/items.parquet.provenance.json",
        output="sasrec",
    ),
    Case("train_recommender", TITLES, one_bit_flipped, NOT_WRITTEN + THIS, output="morec"),
    Case(
        "train_recommender",
        TITLES,
        of_other_data,
        r"was made from .*items\.parquet.* or to another run\. Delete",
        output="morec",
    ),
    Case(
        "train_recommender",
        TITLES,
        without_record(replaced_by(f"{SASREC}/item_embeddings.safetensors", name="replaced_by_item_embeddings")),
        r"found the tensors \['item_embeddings'\], expected 'title_vectors'\. " + THIS,
        output="morec",
    ),
    # The embedded backbone, which transformers reads.
    Case("encode_titles", f"{BACKBONE}/tokenizer.json", cut_in_half, NOT_WRITTEN + FOLDER),
    Case("encode_titles", f"{BACKBONE}/model.safetensors", one_bit_flipped, NOT_WRITTEN + FOLDER),
    Case("answer_zero_shot", f"{BACKBONE}/config.json", cut_in_half, NOT_WRITTEN + FOLDER),
    Case("answer_zero_shot", f"{BACKBONE}/generation_config.json", emptied, NOT_WRITTEN + FOLDER),
    Case("answer_zero_shot", f"{BACKBONE}/tokenizer_config.json", missing, r"found no such file, expected .*" + FOLDER),
    Case(
        "answer_zero_shot",
        f"{BACKBONE}/model.safetensors",
        without_record(cut_in_half),
        r"is no complete model directory\. Set backbone\.name to .*header",
        named=BACKBONE,
    ),
    Case("make_table1", f"{BACKBONE}/model.safetensors", without_record(cut_in_half), UNREADABLE + THIS),
    # What fine-tuning reads.
    Case("fine_tune", f"{BACKBONE}/projector.safetensors", other_values, NOT_WRITTEN + FOLDER),
    Case(
        "fine_tune",
        f"{BACKBONE}/projector.safetensors",
        without_record(replaced_by(f"{SASREC}/item_embeddings.safetensors", name="replaced_by_item_embeddings")),
        r"found the tensors \['item_embeddings'\], expected a projector's.*" + THIS,
    ),
    Case(
        "fine_tune",
        f"{SASREC}/item_embeddings.safetensors",
        of_other_data,
        r"was made from .*items\.parquet.* or to another run\. Delete",
    ),
    Case(
        "fine_tune",
        f"{SASREC}/item_embeddings.safetensors",
        without_record(of_fewer_items),
        r"found 83 vectors, expected 90: the recommender was trained on other data\. Delete the file and run",
    ),
    Case("fine_tune_gated", f"{SASREC}/sequence_representations.safetensors", one_bit_flipped, NOT_WRITTEN + THIS),
    # Adapters.
    Case(
        "answer_fine_tuned",
        f"{ILORA}/adapter/adapter_model.safetensors",
        one_bit_flipped,
        NOT_WRITTEN + FOLDER,
        output="ilora",
    ),
    Case(
        "answer_fine_tuned",
        f"{ILORA}/adapter/adapter_model.safetensors",
        without_record(one_bit_flipped),
        r".*" + THIS,
        output="ilora",
    ),
    Case(
        "answer_fine_tuned",
        f"{ILORA}/adapter/adapter_model.safetensors",
        cut_in_half,
        NOT_WRITTEN + FOLDER,
        output="ilora",
    ),
    Case(
        "answer_fine_tuned", f"{ILORA}/adapter/adapter_config.json", cut_in_half, NOT_WRITTEN + FOLDER, output="ilora"
    ),
    Case(
        "answer_fine_tuned",
        f"{ILORA}/adapter/adapter_config.json",
        without_record(cut_in_half),
        UNREADABLE + THIS,
        output="ilora",
    ),
    Case(
        "answer_fine_tuned", f"{ILORA}/adapter/ilora.json", without_record(emptied), UNREADABLE + THIS, output="ilora"
    ),
    Case(
        "answer_fine_tuned",
        f"{ILORA}/adapter/ilora.json",
        without_record(changed_json(experts=2)),
        r"the adapter was made with other settings \(experts\): found {'experts': 2}, expected {'experts': 4}\. Delete",
        named=f"{ILORA}/adapter",
        output="ilora",
    ),
    Case(
        "answer_fine_tuned",
        f"{ILORA}/adapter/projector.safetensors",
        replaced_by(f"{LLARA}/adapter/projector.safetensors", name="of_another_run"),
        NOT_WRITTEN + FOLDER,
        output="ilora",
    ),
    Case(
        "answer_fine_tuned",
        f"{SASREC}/item_embeddings.safetensors",
        of_another_run,
        r"was made from .*item_embeddings\.safetensors of sha256 .*another run\. Delete \S+adapter and run",
        named=f"{ILORA}/adapter",
        output="ilora",
    ),
    Case(
        "answer_fine_tuned",
        f"{TALLREC}/adapter/adapter_config.json",
        changed_json(lora_alpha=64),
        NOT_WRITTEN + FOLDER,
        output="tallrec",
    ),
    Case(
        "answer_fine_tuned",
        f"{TALLREC}/adapter/ilora.json",
        without_record(replaced_by(f"{LLARA}/adapter/ilora.json", name="of_another_method")),
        r"the adapter was made with other settings \(.*item_vectors.*Delete the folder and run the workflow again",
        named=f"{TALLREC}/adapter",
        output="tallrec",
    ),
    Case(
        "compute_gates",
        f"{ILORA}/adapter/adapter_model.safetensors",
        missing,
        r"no such artifact\. Run the workflow to create it\.",
    ),
    Case(
        "describe_adapter",
        f"{ILORA}/adapter",
        record_cut_in_half,
        r"is not a complete record .*Delete it, with \S+adapter, and run",
        named=f"{ILORA}/adapter.provenance.json",
        output="ilora",
    ),
    # From predictions to the report.
    Case("compute_metrics", f"{POPULARITY}/predictions.parquet", cut_in_half, NOT_WRITTEN + THIS, output="popularity"),
    Case(
        "compute_metrics",
        f"{POPULARITY}/predictions.parquet",
        without_record(replaced_by(f"{DATA}/candidates.parquet", name="replaced_by_candidates")),
        r"has the columns .*expected .*'choice'.*" + THIS,
        output="popularity",
    ),
    Case(
        "compute_metrics",
        f"{POPULARITY}/predictions.parquet",
        without_rows,
        r"holds no predictions, expected a row .*Delete the file and run the workflow again",
        output="popularity",
    ),
    Case("analyse_errors", f"{ANSWERS}/predictions.parquet", one_bit_flipped, NOT_WRITTEN + THIS, output="ilora"),
    Case(
        "collect_metrics",
        f"{DATA}/candidates.parquet",
        of_another_draw,
        r"another hash or other items in \d+ of the frozen candidate sets.*Delete this file and run the workflow again",
        named=f"{POPULARITY}/predictions.parquet",
    ),
    Case("collect_metrics", f"{POPULARITY}/metrics.parquet", one_bit_flipped, NOT_WRITTEN + THIS),
    Case(
        "collect_metrics",
        f"{POPULARITY}/metrics.parquet",
        of_other_predictions,
        r"was made from .*predictions\.parquet.* another run\. Delete",
    ),
    Case("compare_methods", f"{ANSWERS}/predictions.parquet", emptied, NOT_WRITTEN + THIS),
    Case("make_table1", "tables/metrics.parquet", cut_in_half, NOT_WRITTEN + THIS),
    Case(
        "draw_hit_ratio",
        "tables/table1.parquet",
        replaced_by("tables/metrics.parquet", name="replaced_by_metrics"),
        NOT_WRITTEN + THIS,
    ),
    Case(
        "draw_training_curves",
        f"{LLARA}/training_log.parquet",
        without_its_loss,
        r"has the columns .*expected .*'loss'.*" + THIS,
    ),
    Case(
        "draw_expert_attention",
        GATES,
        without_record(replaced_by("tables/metrics.parquet", name="replaced_by_metrics")),
        r"has the columns .*expected .*'expert'.*" + THIS,
    ),
    Case("describe_adapter", f"{ANSWERS}/metrics.parquet", emptied, NOT_WRITTEN + THIS, output="ilora"),
    Case("write_answers", f"{ANSWERS}/answer_sample.parquet", one_bit_flipped, NOT_WRITTEN + THIS),
    Case("make_error_analysis", "tables/error_analysis.parquet", cut_in_half, NOT_WRITTEN + THIS),
    Case(
        "write_study",
        f"{DATA}/items.parquet",
        record_cut_in_half,
        r"no JSON .*Delete it and its artifact",
        named=f"{DATA}/items.parquet.provenance.json",
    ),
    Case("collect_costs", COSTS, emptied, r"expected a row of measurements.*Delete the file"),
)


#: Inputs that a rule declares but its script does not read.
UNREAD = {
    "describe_adapter": ("adapter_config.json", "adapter_model.safetensors", "ilora.json", "projector.safetensors"),
    "compute_gates": ("ilora.json", "projector.safetensors"),
    "compare_methods": ("metrics.parquet",),
    "collect_error_analyses": ("metrics.parquet",),
}
#: Rules that depend on the whole study, and read records or Snakemake's measurements.
PAGES = ("write_study", "collect_costs")


def inputs_to_flip(jobs: list[Job]) -> Iterator[tuple[Job, Path]]:
    """Yield the first job of each rule with each artifact that its script reads, one per name, except raw files."""
    for job in {job.rule: job for job in reversed(jobs)}.values():
        if job.rule not in PAGES:
            for path in {Path(path).name: Path(path) for path in job.given.input}.values():
                if path.is_file() and path.is_relative_to(RESULTS) and path.name not in UNREAD.get(job.rule, ()):
                    yield job, path


def main(folder: Path, outcomes: Path) -> None:
    """Run every case, and a job of every rule with one bit flipped in each of its inputs; write the outcomes."""
    jobs = plan_jobs(folder, STUDY)
    os.chdir(folder)
    with tempfile.TemporaryDirectory() as temporary:
        results = Results(RESULTS, Path(temporary, "pristine"))
        found = {
            case.name: results.run_damaged(case.find(jobs), partial(case.damage, RESULTS / case.path)) for case in CASES
        }
        flipped = [
            (job.rule, str(path), results.run_damaged(job, partial(one_bit_flipped, path)))
            for job, path in inputs_to_flip(jobs)
        ]
    content = {
        "cases": {name: asdict(outcome) for name, outcome in found.items()},
        "flipped": [{"rule": rule, "path": path, **asdict(outcome)} for rule, path, outcome in flipped],
    }
    outcomes.write_text(json.dumps(content, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
