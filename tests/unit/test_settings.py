"""Reading the options."""

from pathlib import Path

import pytest

from lookalike.errors import InvalidSetting
from lookalike.settings import Settings, settings_table


def test_every_option_has_a_default() -> None:
    assert Settings.load({}).window_chunks == 4


def test_variables_are_read_and_an_empty_one_counts_as_unset() -> None:
    settings = Settings.load({"LOOKALIKE_BATCH_SIZE": "4", "LOOKALIKE_LEASE_S": "", "PATH": "/bin"})
    assert settings.batch_size == 4
    assert settings.lease_s == 60


def test_lists_are_split_at_commas() -> None:
    settings = Settings.load({"LOOKALIKE_FILE_ROOTS": "/a, /b", "LOOKALIKE_ALLOW_HOSTS": "h:80"})
    assert settings.file_roots == (Path("/a"), Path("/b"))
    assert settings.allow_hosts == ("h:80",)


def test_a_bad_value_is_named_with_what_was_expected() -> None:
    with pytest.raises(InvalidSetting, match=r"LOOKALIKE_BATCH_SIZE is 'many'.*integer"):
        Settings.load({"LOOKALIKE_BATCH_SIZE": "many"})


@pytest.mark.parametrize("rate", ["600", "0/minute", "6/fortnight", "600 / minute", "NONE"])
def test_a_rate_that_cannot_be_read_is_refused(rate: str) -> None:
    with pytest.raises(InvalidSetting, match=r"LOOKALIKE_API_RATE is .*; expected none, or"):
        Settings.load({"LOOKALIKE_API_RATE": rate})


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="LOOKALIKE_BATCHSIZE"):
        Settings.load({"LOOKALIKE_BATCHSIZE": "4"})


def test_another_process_reads_the_same_settings_from_the_variables() -> None:
    settings = Settings.load({"LOOKALIKE_FILE_ROOTS": "/a,/b", "LOOKALIKE_UNTRAINED": "true"})
    assert Settings.load(settings.environment()) == settings


def test_a_missing_database_tells_what_to_do() -> None:
    with pytest.raises(InvalidSetting, match="lookalike up"):
        Settings.load({}).require_database()


def test_the_documented_table_is_made_from_the_fields() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text() == settings_table(), (
        "run: python -m lookalike.settings > docs/settings.md"
    )
