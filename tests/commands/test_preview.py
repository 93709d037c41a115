"""Pictures in the terminal: each protocol draws what it should, and the right one is chosen."""

from __future__ import annotations

import base64
import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from support.command_line import Run

from retrieval.commands.preview import Protocol, detect
from retrieval.commands.sixel import sixel

_COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}


def drawn(run: Run, monkeypatch: pytest.MonkeyPatch, protocol: str) -> str:
    """Return what a search for red prints below its table, as a terminal would get it."""
    monkeypatch.setenv("PIXTRIEVE_PREVIEW", protocol)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    done = run("search", "red", "-k", "2", "--in", "pictures", "--preview")
    assert done.code == 0, done.err
    head, _, rest = done.out.partition("\n1")
    assert "picture" in head
    labels, _, picture = rest.partition("\n")
    assert labels.split() == ["2"]
    return picture


def near(pixel: NDArray[np.uint8], colour: str) -> bool:
    return bool(np.abs(pixel[:3].astype(int) - _COLOURS[colour]).max() < 40)


def test_half_blocks_have_the_colours(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = drawn(run, monkeypatch, "blocks").splitlines()
    assert len(lines) == 8
    middle = lines[4].replace("\x1b[0m", "")
    code = r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m(▀+)"
    runs = [tuple(found.groups()) for found in re.finditer(code, middle)]
    assert "".join("".join(found) for found in re.findall(r"(▀+)", middle)) == "▀" * 40
    *upper, _, _, _, _ = runs[0]
    assert near(np.array(list(map(int, upper)), np.uint8), "red")


@pytest.mark.parametrize("protocol", ["kitty", "iterm2"])
def test_protocols_with_a_png(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    shown = drawn(run, monkeypatch, protocol)
    if protocol == "kitty":
        parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", shown)
        assert "a=T,f=100" in parts[0][0]
        assert "c=40,r=8" in parts[0][0]
        assert [part[0][-3:] for part in parts] == ["m=1"] * (len(parts) - 1) + ["m=0"]
        assert all(len(part[1]) <= 4096 for part in parts)
        data = base64.b64decode("".join(part[1] for part in parts))
    else:
        found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);(.*):(.*)\x07\n", shown)
        assert found
        data = base64.b64decode(found[3])
        assert (int(found[1]), found[2]) == (len(data), "width=40;height=8")
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    assert picture.shape[1] / picture.shape[0] == 400 / 160
    assert near(picture[80, 90], "red")


def test_sixel_in_a_search(run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = unsixel(drawn(run, monkeypatch, "sixel").rstrip("\n"))
    assert picture.shape == (160, 400, 4)
    assert near(picture[80, 90], "red")


def unsixel(text: str) -> NDArray[np.uint8]:
    """Decode sixel: the transparent RGBA ground, and what each character adds."""
    found = re.fullmatch(r'\x1bP0;1q"1;1;(\d+);(\d+)(.*)\x1b\\', text)
    assert found
    picture = np.zeros((int(found[2]), int(found[1]), 4), np.uint8)
    palette: dict[int, list[int]] = {}
    colour, x, top = 0, 0, 0
    token = re.compile(r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([?-~])|(\$)|(-)")
    at = 0
    while at < len(found[3]):
        part = token.match(found[3], at)
        assert part, found[3][at : at + 10]
        at = part.end()
        register, red, green, blue, times, many, one, back, down = part.groups()
        if red is not None:
            palette[int(register)] = [round(int(v) * 2.55) for v in (red, green, blue)]
        elif register is not None:
            colour = int(register)
        elif back:
            x = 0
        elif down:
            x, top = 0, top + 6
        else:
            width = int(times or 1)
            for row in range(6):
                if ord(many or one) - 63 >> row & 1:
                    picture[top + row, x : x + width] = [*palette[colour], 255]
            x += width
    return picture


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 14), st.integers(1, 20), st.just(4)),
        elements=st.sampled_from((0, 128, 255)),
    )
)
def test_sixel_is_the_picture(pixels: NDArray[np.uint8]) -> None:
    pixels[:, :, 3] = np.where(pixels[:, :, 3] > 0, 255, 0)
    decoded = unsixel(sixel(Image.fromarray(pixels)))
    assert (decoded[:, :, 3] == pixels[:, :, 3]).all()
    seen = pixels[:, :, 3] > 0
    # Registers are in per cent, and 27 colours fit into the palette.
    assert np.abs(decoded[seen].astype(int) - pixels[seen]).max(initial=0) <= 3


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"KONSOLE_VERSION": "230400"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, "blocks"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "xterm-kitty", "PIXTRIEVE_PREVIEW": "sixel"}, "sixel"),
        ({"TERM": "xterm", "PIXTRIEVE_PREVIEW": "nonsense"}, "blocks"),
    ],
)
def test_the_protocol_is_detected(environment: dict[str, str], protocol: Protocol) -> None:
    assert detect(environment) == protocol


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
@pytest.mark.parametrize(
    ("answer", "protocol"), [(b"\x1b[?62;4;22c", "sixel"), (b"\x1b[?62;22;44c", "blocks")]
)
def test_a_terminal_is_asked_about_sixel(
    answer: bytes, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty
    import tty

    master, slave = pty.openpty()
    with open(slave, "r+b", buffering=0) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys, "stdout", terminal)
        tty.setraw(terminal.fileno())  # else the answer is echoed
        os.write(master, answer)
        assert detect({"TERM": "xterm"}) == protocol
        assert os.read(master, 64).endswith(b"\x1b[c")
    os.close(master)


def test_a_picture_that_is_gone_leaves_its_place_empty(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (indexed / "red.png").unlink()
    lines = drawn(run, monkeypatch, "blocks").splitlines()
    assert len(lines) == 8
