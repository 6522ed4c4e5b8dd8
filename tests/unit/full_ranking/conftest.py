import pyarrow as pa
import pytest

from ilora.artifacts.schemas import INTERACTIONS
from ilora.data.protocols import make_sequences

ITEMS = 6

#: The items of each user, in time order.
USERS = [[0, 1, 2, 3], [2, 1, 0, 5, 4], [4, 0, 3], [1, 2, 5, 3]]


@pytest.fixture
def interactions() -> pa.Table:
    rows = [
        {"user_id": user, "item_id": item, "timestamp": time, "raw_user_id": f"u{user}", "raw_item_id": f"i{item}"}
        for user, items in enumerate(USERS)
        for time, item in enumerate(items)
    ]
    return pa.Table.from_pylist(rows, schema=INTERACTIONS)


@pytest.fixture
def sequences(interactions: pa.Table) -> pa.Table:
    """Sequences with each user's last item as test, the second to last as validation, and histories of two items."""
    return make_sequences(interactions, "chronological", split_seed=0, minimum_history=1, maximum_history=2)
