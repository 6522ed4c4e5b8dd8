"""What does not exist yet is refused by name."""

import pytest

from ilora.data.protocols import preparation, sequencing
from ilora.data.readers import read_raw


def test_a_data_set_without_a_reader_is_named() -> None:
    with pytest.raises(ValueError, match="no reader for the data set 'steam'. Those that can be read: movielens"):
        read_raw("steam", "folder")


@pytest.mark.parametrize(("dataset", "protocol"), [("lastfm", "published"), ("movielens", "chronological")])
def test_a_combination_that_cannot_be_prepared_is_named(dataset: str, protocol: str) -> None:
    with pytest.raises(ValueError, match=f"'{dataset}'.*'{protocol}'. Possible: movielens by published"):
        preparation(dataset, protocol)


def test_a_protocol_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="no protocol 'chronological'. Protocols that exist: published"):
        sequencing("chronological")
