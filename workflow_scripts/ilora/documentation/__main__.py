"""Write the pages and pictures of docs/ that follow from code and measured tables: `ilora docs --write`."""

import sys
from collections.abc import Mapping
from pathlib import Path

from ilora.documentation.artifacts_page import artifacts_page
from ilora.documentation.configuration_page import configuration_page
from ilora.documentation.deviations_page import deviations_page
from ilora.documentation.measured import (
    ablations_picture,
    feedback_picture,
    hit_ratio_picture,
    random_splits_picture,
    table1_page,
)
from ilora.documentation.switches_page import switches_page
from ilora.documentation.table2_page import table2_page
from ilora.plotting.stage_picture import stage_picture
from ilora.reporting.stages import STAGES
from ilora.written_files import outdated, write_or_compare

REPOSITORY = Path(__file__).resolve().parents[3]
GENERATIVE = "studies/generative.yaml"
#: Title of each study to its file, with the default study first.
STUDIES = {
    "The default study": "config.yaml",
    "The paper's own users": "studies/released.yaml",
    "The paper's study": "studies/paper.yaml",
    "A pretrained model": "studies/pretrained.yaml",
    "Every method and ablation": "studies/embedded.yaml",
    "The full ranking": "studies/full_ranking.yaml",
    "Generative recommenders": GENERATIVE,
}
#: Studies with a measured Table 2, in the order of its page.
FULL_RANKINGS = {
    "Recommenders": "studies/full_ranking.yaml",
    "SASRec with its own loss": "studies/full_ranking_binary_cross_entropy.yaml",
    "Generative recommenders": GENERATIVE,
    "Amazon Beauty": "studies/beauty_sequences.yaml",
}


def written_pages() -> Mapping[Path, str]:
    """Return the text of each page and picture by its path."""
    folder = REPOSITORY / "docs"
    pictures = folder / "pictures"
    released = folder / "measured" / "released"
    switches = folder / "measured" / "released_switches" / "sweeps.parquet"
    return {
        folder / "configuration.md": configuration_page(),
        folder / "artifacts.md": artifacts_page(REPOSITORY / "results" / "README.md"),
        folder / "stages.svg": stage_picture(STAGES),
        folder / "deviations.md": deviations_page({title: REPOSITORY / path for title, path in STUDIES.items()}),
        folder / "table1_released.md": table1_page("on the paper's own users", released),
        folder / "table1_pretrained.md": table1_page("with a pretrained model", folder / "measured" / "pretrained"),
        folder / "table2.md": table2_page(
            {title: REPOSITORY / path for title, path in FULL_RANKINGS.items()}, folder / "measured"
        ),
        folder / "released_switches.md": switches_page(switches, REPOSITORY / "studies" / "released_switches.yaml"),
        pictures / "feedback.svg": feedback_picture(folder / "measured" / "feedback"),
        pictures / "movielens_cofirec_ablations.svg": ablations_picture(
            "cofirec", "movielens", REPOSITORY / GENERATIVE, folder / "measured" / "generative"
        ),
        **{
            pictures / f"released_{dataset}_{name}.svg": draw(dataset, released)
            for dataset in ("movielens", "lastfm")
            for name, draw in (("hit_ratio", hit_ratio_picture), ("random_splits", random_splits_picture))
        },
    }


def outdated_pages() -> list[Path]:
    """Return the pages that differ from the generated text."""
    return outdated(written_pages())


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or report which are outdated; return the exit status."""
    return write_or_compare("docs", __doc__, written_pages, "code", arguments)


if __name__ == "__main__":
    sys.exit(main())
