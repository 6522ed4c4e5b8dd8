"""Show a sample of prompts and answers on one data set as a page that can be searched."""

from functools import partial
from typing import TYPE_CHECKING

from ilora.artifacts.parquet import read_table
from ilora.artifacts.writing import atomic_path
from ilora.configuration.sections.prompt import PromptSection
from ilora.evaluation.answer_sample import ANSWER_SAMPLE
from ilora.llm.prompts.builder import prompt_style, prompt_text
from ilora.llm.prompts.wording import prompt_wording
from ilora.plotting.labels import setting_label
from ilora.progress import start_log
from ilora.reporting.answers import answers_page

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `answers.html` of one data set."""
    logger = start_log(snakemake.log[0])
    dataset, params = snakemake.wildcards.dataset, snakemake.params
    samples = [read_table(path, ANSWER_SAMPLE) for path in snakemake.input.samples]
    write_prompt = partial(
        prompt_text, prompt_style(PromptSection.read(params.prompt), "hybrid"), prompt_wording(dataset, params.words)
    )
    page = answers_page(f"Answers: {setting_label(dataset, params.backbone)}", samples, write_prompt)
    with atomic_path(snakemake.output.html) as temporary:
        temporary.write_text(page, encoding="utf-8")
    logger.info("%d answers", sum(sample.num_rows for sample in samples))


main(snakemake)
