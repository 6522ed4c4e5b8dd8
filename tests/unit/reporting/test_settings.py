"""Settings as rows of a table."""

from ilora.reporting.settings import settings_by_dataset, settings_table

DEFAULTS = {"seeds": [1], "backbone": {"name": "embedded", "gpus": 1}, "per_dataset": {}}


def test_every_setting_is_shown_with_the_default_where_that_is_another() -> None:
    settings = {"seeds": [1, 2], "backbone": {"name": "embedded", "gpus": None}, "per_dataset": {"books": {"r": 4}}}
    table = settings_table(settings, DEFAULTS)
    assert "<td>seeds</td><td>1, 2</td><td>1</td>" in table
    assert "<td>backbone.name</td><td>embedded</td><td></td>" in table
    assert "<td>backbone.gpus</td><td>null</td><td>1</td>" in table
    assert "<td>per_dataset.books.r</td><td>4</td><td></td>" in table


def test_settings_of_data_sets_stand_side_by_side() -> None:
    settings = {"lastfm": {"r": 8, "learning_rate": 0.0002}, "steam": {"r": 8, "learning_rate": 0.0001}}
    table = settings_by_dataset(settings, {"lastfm": "LastFM", "steam": "Steam"})
    assert "<th>LastFM</th><th>Steam</th>" in table
    assert "<td>learning_rate</td><td>0.0002</td><td>0.0001</td>" in table
