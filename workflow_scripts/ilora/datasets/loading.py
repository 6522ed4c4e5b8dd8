"""Loading of one built-in data set by its name, without importing the others."""

from importlib import import_module
from importlib.util import find_spec

from ilora.datasets.declaration import Dataset


def module_of(name: str) -> str:
    """Return the module that declares a built-in data set."""
    return f"{__package__}.{name}"


def load_dataset(name: str) -> Dataset:
    """Return a built-in data set. Its module must be part of the code version of the rule that loads it.

    Raises:
        ValueError: no module of this package declares it.
    """
    declared = getattr(import_module(module_of(name)), "DATASET", None) if find_spec(module_of(name)) else None
    if not isinstance(declared, Dataset) or declared.name != name:
        raise ValueError(
            f"{module_of(name)}: found no data set '{name}', expected a module that defines it as DATASET."
        )
    return declared
