"""The page of the configuration, written from its model."""

import inspect
from collections.abc import Iterator

from ilora.configuration.described_fields import default_in_yaml, description_of, ordered_fields, section_of
from ilora.configuration.section import Section
from ilora.configuration.study import StudyConfig
from ilora.documentation.markdown import markdown_table

_INTRODUCTION = """\
# The configuration

`config.yaml` is the default study, with every key explained. A study of your own is a file that names only what
differs, like those in `studies/`:

```
snakemake --cores 2 --configfile studies/embedded.yaml
```

An unknown key, a wrong type, value or combination of values stops before anything is planned. The message has the key's
path, what was found and what is allowed. (Snakemake parses YAML first. Names of more than 64 characters, paths that no
file system takes and aliases that expand beyond a million characters are refused after that.)

Three keys change most of a study at once:

- `protocol` says who is tested. `released` has the users of the split files released with the paper, their order of
  films rated at the same time and their pool of candidates (for Steam the released games; its users are drawn).
  `random_users` draws users by the same rules. `chronological` tests every user on their last item. The paper's numbers
  stand next to the results of the first two.
- `finetuning.preset: paper` (or `released`) takes the values of the paper (or of its released code, which does more
  than the paper says) for each data set. `finetuning.per_dataset` and `finetuning.per_method` override it.
- `recommenders.weight_decay: searched` takes the L2 that is best on validation, for each recommender and data set
  (`studies/weight_decay.yaml`). Every training of the search is kept and shared between studies.

The tables below are written from the model of the configuration (`ilora docs --write`).

## Top level
"""


def configuration_page() -> str:
    """Return the page: a table of keys for each section, in the order of config.yaml."""
    return "\n".join([_INTRODUCTION, *_section(StudyConfig, "")])


def _section(section: type[Section], path: str) -> Iterator[str]:
    fields = ordered_fields(section)
    inner = {name: part for name, field in fields.items() if (part := section_of(field)) is not None}
    yield markdown_table(
        ("key", "default", "meaning"),
        (
            (f"`{name}`", f"`{default_in_yaml(field)}`", description_of(field))
            for name, field in fields.items()
            if name not in inner
        ),
    )
    for name, part in inner.items():
        key = f"{path}{name}"
        yield f"{'#' * (2 + key.count('.'))} `{key}`\n"
        yield f"{inspect.getdoc(part)}\n"
        yield from _section(part, f"{key}.")
