import pytest

from rule_defaults import job_name


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("results/data/{dataset}/{protocol}/items.parquet", "{dataset}/{protocol}"),
        (
            "results/finetune/{dataset}/{method}/seed~{seed}/adapter/adapter_model.safetensors",
            "{dataset}/{method}/seed~{seed}",
        ),
        ("results/figures/{dataset}/{sweep}_by_epoch.svg", "{dataset}/{sweep}_by_epoch"),
        (r"results/{run,(recommenders|llm)/.+}/metrics.parquet", "{run}"),
        ("results/backbone/hub/{backbone}.json", "hub/{backbone}"),
        ("results/tables/metrics.parquet", ""),
    ],
)
def test_a_log_is_named_by_what_tells_a_rules_jobs_apart(output: str, name: str) -> None:
    assert "/".join(job_name(output, "results")) == name
