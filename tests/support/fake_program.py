"""The command `pixtrieve` with the fake encoder, for what starts it as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

_CODE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from support.fake_model import install
from support.fakes import FakeEncoder
from retrieval.commands import main
install(FakeEncoder)
main()
"""

FAKE_PROGRAM = (sys.executable, "-c", _CODE)
