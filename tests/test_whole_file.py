"""A sealed file is believed only as it was sealed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.whole_file import open_regular, sealed, unsealed


@given(st.binary(max_size=100))
def test_what_was_sealed_is_returned(content: bytes) -> None:
    assert unsealed(sealed(content)) == content


@given(st.binary(max_size=100), st.data())
def test_any_change_is_seen(content: bytes, data: st.DataObject) -> None:
    whole = sealed(content)
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[at] ^ data.draw(st.integers(1, 255))
    assert unsealed(whole[:at] + bytes([flipped]) + whole[at + 1 :]) is None
    assert unsealed(whole[:at]) is None
    assert unsealed(whole + b"x") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with open_regular(str(tmp_path / "file")) as file:
        assert file.read() == b"x"
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "missing"):
        with pytest.raises(OSError, match=r"regular|directory|such"):
            open_regular(str(tmp_path / name))
