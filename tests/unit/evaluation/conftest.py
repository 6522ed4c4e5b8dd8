import pytest


@pytest.fixture
def titles() -> list[str]:
    """Return the titles of the items that `make_predictions` uses."""
    return [f"Item {item}" for item in range(3000)]
