"""A page of duplicates: each group side by side, the kept file first, and why."""

from __future__ import annotations

import html
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from retrieval.commands.sheet import page_of, picture_at
from retrieval.commands.terminal import home_relative, human_bytes, plural, shown
from retrieval.duplicates.keeping import DuplicateFile, DuplicateGroup

WHY = {
    "raw": "not the raw file",
    "pixels": "fewer pixels",
    "bytes": "fewer bytes",
    "age": "newer",
    "path": "longer path",
    None: "",
}
"""Why a file is redundant, by `DuplicateFile.reason`."""

_SECTION = """<section><h1>Group {id}</h1>
<p>{why}</p>
<ol>
{cards}
</ol></section>"""

_CARD = """<li><a class="picture" href="{link}" title="{path}">{picture}</a>
<div class="about"><div class="score"><b>{role}</b></div>
<div class="name">{name}</div><div class="more">{facts}</div><div class="more">{folder}</div>\
</div></li>"""


def summary(groups: Sequence[DuplicateGroup]) -> str:
    """Return the totals in a sentence."""
    redundant = [file for each in groups for file in each.redundant]
    near = sum(not file.exact for file in redundant)
    room = human_bytes(sum(file.size for file in redundant))
    return (
        f"{plural(len(groups), 'group')} with {plural(len(redundant), 'redundant file')} "
        f"({len(redundant) - near:,} exact, {near:,} near), {room} in total."
    )


def duplicate_sheet(groups: Sequence[DuplicateGroup]) -> str:
    """Return the page; it shows the reason in place of an unreadable picture."""
    head = f"<section><h1>Duplicates</h1><p>{html.escape(summary(groups))}</p></section>"
    with ThreadPoolExecutor() as executor:
        sections = list(executor.map(_section, groups))
    return page_of("Duplicates", "\n".join([head, *sections]))


def _section(group: DuplicateGroup) -> str:
    command = f"pixtrieve duplicates --keep-all {group.id}"
    kind = "Exact copies." if group.is_exact else "Near duplicates."
    cards = "\n".join(_card(file) for file in (group.kept, *group.redundant))
    why = f"{kind} To keep all: <code>{html.escape(command)}</code>"
    return _SECTION.format(id=group.id, why=why, cards=cards)


def _card(file: DuplicateFile) -> str:
    path = Path(file.full_path)
    facts = [f"{file.width} × {file.height}", human_bytes(file.size), file.format]
    if file.taken:
        facts.append(file.taken.replace("T", " "))
    return _CARD.format(
        link=html.escape(path.as_uri(), quote=True),
        path=html.escape(shown(file.full_path), quote=True),
        picture=picture_at([file.full_path]),
        role=html.escape(_role(file)),
        name=html.escape(shown(path.name)),
        facts=html.escape(" · ".join(facts)),
        folder=html.escape(shown(home_relative(str(path.parent)))),
    )


def _role(file: DuplicateFile) -> str:
    """Return whether a file is kept, or why it is redundant."""
    if file.reason is None:
        return "Kept"
    likeness = "copy" if file.exact else f"{file.likeness:.0%} alike"
    return f"{likeness}: {WHY[file.reason]}"
