from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

TOOL = Path(__file__).parents[3] / "tools" / "catalogue.py"


@pytest.fixture(scope="session")
def tool() -> ModuleType:
    """tools/catalogue.py, which is a script and no package."""
    specification = importlib.util.spec_from_file_location("catalogue_tool", TOOL)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
