"""The page of the configuration, generated from its model."""

import inspect
from collections.abc import Iterator

from ilora.configuration.described_fields import default_in_yaml, description_of, ordered_fields, section_of
from ilora.configuration.section import Section
from ilora.configuration.study import StudyConfig
from ilora.plotting.markdown_table import markdown_table

_INTRODUCTION = """\
# The configuration

`config.yaml` is the default study, with a comment on every key. To define your own study, write a file with only the
keys that differ, like those in `studies/`, and run

```
snakemake --cores 2 --configfile studies/embedded.yaml
```

An unknown key, or a wrong type, value or combination of values, is an error before anything is planned. The message
gives the key's path, what was found and what is allowed. (Snakemake parses the YAML first. Names of more than 64
characters, paths that file systems do not allow, and aliases that expand to more than a million characters are refused
after that.)

Three keys change most of a study at once:

- `protocol` determines which users are tested. `released` uses the users of the split files released with the paper,
  their order of films rated at the same time and their pool of candidates (for Steam, the released games; its users are
  drawn at random). `random_users` draws users by the same rules. `chronological` tests every user on their last item.
  For the first two, the paper's numbers are shown next to the results.
- `finetuning.preset: paper` (or `released`) uses the values of the paper (or of its released code, which does more than
  the paper describes) for each data set. `finetuning.per_dataset` and `finetuning.per_method` override it.
- `recommenders.weight_decay: searched` selects the L2 that is best on validation, for each recommender and data set
  (`studies/weight_decay.yaml`). All trainings of the search are kept and shared between studies.

The tables below are generated from the model of the configuration by `ilora docs --write`.

## Top level
"""


def configuration_page() -> str:
    """Return the page: one table of keys per section, in the order of config.yaml."""
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
