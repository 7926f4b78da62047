"""The program's modules, imported as Pulumi runs them: from their own folder."""

import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from .pages import ROOT

MODULES = ("configuration", "local", "local_model", "options", "outputs", "platforms", "settings")


@pytest.fixture(scope="module")
def program() -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "infra")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in MODULES:
        del sys.modules[name]
