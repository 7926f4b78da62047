"""What is generated from the gateway's settings is up to date."""

from __future__ import annotations

import json

from tools.gateway_reference import REFERENCE, SCHEMA, render_reference, render_schema


def test_the_contract_is_what_the_model_says() -> None:
    assert SCHEMA.read_text() == render_schema()


def test_every_setting_is_documented() -> None:
    assert REFERENCE.read_text() == render_reference(json.loads(SCHEMA.read_text()))
