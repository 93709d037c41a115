"""Shows pictures in the terminal: rows of thumbnails under their ranks.

Protocols: kitty's (sw.kovidgoyal.net/kitty/graphics-protocol), iTerm2's inline images
(iterm2.com/documentation-images.html), sixel (DEC STD 070), and coloured half blocks elsewhere.
"""

from __future__ import annotations

import base64
import io
import os
import select
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps

from retrieval.commands.sixel import sixel
from retrieval.errors import PictureError
from retrieval.images.thumbnails import thumbnail
from retrieval.search.results import Hit

Protocol = Literal["kitty", "iterm2", "sixel", "blocks"]

VARIABLE = "PIXTRIEVE_PREVIEW"
_CELL = (10, 20)  # pixels of a character that graphics are drawn for; the terminal scales them
_COLUMNS, _ROWS = 20, 8  # of one thumbnail
_CHUNK = 4096
_ANSWER_S = 0.3
_BACKGROUND = (24, 24, 24)


def preview(hits: Sequence[Hit], columns: int, protocol: Protocol) -> Iterator[str]:
    """Yield lines that show hits side by side, as many as fit into `columns`, best first."""
    across = max(1, columns // _COLUMNS)
    for start in range(0, len(hits), across):
        row = hits[start : start + across]
        yield "".join(f"{hit.rank:<{_COLUMNS}}" for hit in row).rstrip()
        yield from _DRAW[protocol](_strip(row, protocol), len(row))


def detect(environment: Mapping[str, str] = os.environ) -> Protocol:
    """Return the best protocol of this terminal; `PIXTRIEVE_PREVIEW` overrides the choice.

    Kitty, Ghostty, WezTerm, Konsole, iTerm2 and others name themselves in the environment. The
    rest is asked whether it knows sixel.
    """
    wanted = environment.get(VARIABLE, "")
    for protocol in get_args(Protocol):
        if wanted == protocol:
            return protocol  # type: ignore[no-any-return]
    if "TMUX" not in environment and not environment.get("TERM", "").startswith("screen"):
        program, term = environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")
        if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty"):
            return "kitty"
        if program == "ghostty" or "KONSOLE_VERSION" in environment:
            return "kitty"
        if program in ("iTerm.app", "WezTerm", "mintty", "Hyper", "rio"):
            return "iterm2"
    return "sixel" if _knows_sixel() else "blocks"


def _knows_sixel() -> bool:
    """Ask the terminal for its attributes (DA1), of which 4 means sixel."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return False
    source = sys.stdin.fileno()
    answer = b""
    try:
        before = termios.tcgetattr(source)
        try:
            tty.setcbreak(source, termios.TCSANOW)
            os.write(sys.stdout.fileno(), b"\x1b[c")
            while select.select([source], [], [], _ANSWER_S)[0]:
                answer += os.read(source, 64)
                if answer.endswith(b"c"):
                    break
        finally:
            termios.tcsetattr(source, termios.TCSANOW, before)
    except (OSError, termios.error):
        return False
    return b"4" in answer.strip(b"\x1b[?c").split(b";")


def _strip(hits: Sequence[Hit], protocol: Protocol) -> Image.Image:
    """Return thumbnails beside each other on a ground that suits dark and light terminals."""
    # A half block is one pixel wide and half a character high, so it is square.
    cell = (1, 2) if protocol == "blocks" else _CELL
    width, height = _COLUMNS * cell[0], _ROWS * cell[1]
    gap = cell[0]
    ground = (*_BACKGROUND, 255) if protocol == "blocks" else (0, 0, 0, 0)
    strip = Image.new("RGBA", (width * len(hits), height), ground)
    for place, hit in enumerate(hits):
        picture = _thumbnail(hit, max(_CELL[0] * _COLUMNS, _CELL[1] * _ROWS))
        if picture is not None:
            picture = ImageOps.contain(picture, (width - gap, height))
            strip.paste(picture, (place * width, (height - picture.height) // 2))
    return strip


def _thumbnail(hit: Hit, side: int) -> Image.Image | None:
    for path in (hit.path, *hit.copies):
        with suppress(PictureError):
            return Image.open(io.BytesIO(thumbnail(path, side, at=hit.at))).convert("RGB")
    return None


def _kitty(strip: Image.Image, count: int) -> Iterator[str]:
    data = base64.standard_b64encode(_png(strip)).decode("ascii")
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    size = f"c={_COLUMNS * count},r={_ROWS}"
    parts = []
    for number, chunk in enumerate(chunks):
        more = int(number + 1 < len(chunks))
        control = f"a=T,f=100,q=2,{size},m={more}" if number == 0 else f"m={more}"
        parts.append(f"\x1b_G{control};{chunk}\x1b\\")
    yield "".join(parts)


def _iterm2(strip: Image.Image, count: int) -> Iterator[str]:
    data = _png(strip)
    encoded = base64.standard_b64encode(data).decode("ascii")
    size = f"width={_COLUMNS * count};height={_ROWS}"
    yield f"\x1b]1337;File=inline=1;size={len(data)};{size}:{encoded}\x07"


def _sixel(strip: Image.Image, _count: int) -> Iterator[str]:
    yield sixel(strip)


def _blocks(strip: Image.Image, _count: int) -> Iterator[str]:
    """Two pixels a character: the upper one is its colour, the lower one its background."""
    pixels = np.asarray(strip.convert("RGB"))
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        line, last = [], ""
        for front, back in zip(upper, lower, strict=True):
            code = f"\x1b[38;2;{_joined(front)};48;2;{_joined(back)}m"
            line.append(("" if code == last else code) + "▀")
            last = code
        yield "".join(line) + "\x1b[0m"


def _joined(colour: Sequence[int]) -> str:
    return ";".join(map(str, colour))


_DRAW: dict[Protocol, Callable[[Image.Image, int], Iterator[str]]] = {
    "kitty": _kitty,
    "iterm2": _iterm2,
    "sixel": _sixel,
    "blocks": _blocks,
}


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
