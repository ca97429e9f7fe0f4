"""What all tests of webhooks start with: an installation, a receiver, and the webhooks there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lookalike.webhooks.operations import Webhooks
from tests.integration.installation import Installation
from tests.integration.webhooks.receiver import Receiver, receiving


@pytest.fixture
def house(module_database_url: str) -> Iterator[Installation]:
    installation = Installation.on(module_database_url)
    yield installation
    installation.empty()
    installation.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def webhooks(house: Installation) -> Webhooks:
    return house.client.operator.webhooks
