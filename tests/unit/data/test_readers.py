"""Every built-in data set has a reader; another name is refused with those that exist."""

import pytest

from ilora.configuration.sections.data import BUILT_IN_DATASETS
from ilora.data.acquisition.catalogue import SOURCES
from ilora.data.readers import READERS, read_raw


def test_every_built_in_data_set_can_be_read_and_fetched() -> None:
    assert {*READERS} == {*SOURCES} == {*BUILT_IN_DATASETS}


def test_a_data_set_without_a_reader_is_named() -> None:
    with pytest.raises(ValueError, match="no reader for the data set 'books'. Those that can be read: movielens, last"):
        read_raw("books", "folder")
