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


def slow_program(seconds: float) -> tuple[str, ...]:
    """Return the same command, which takes its time for each batch of pictures."""
    slow = f"""
import time
encode = FakeEncoder.encode_images
def slowly(self, pixels):
    time.sleep({seconds})
    return encode(self, pixels)
FakeEncoder.encode_images = slowly
"""
    return (
        sys.executable,
        "-c",
        _CODE.replace("install(FakeEncoder)", slow + "install(FakeEncoder)"),
    )
