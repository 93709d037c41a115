"""The pages in docs/commands are what docs/make_commands.py makes from the help."""

from __future__ import annotations

import runpy
from pathlib import Path

import retrieval

DOCS = Path(retrieval.__file__).parent.parent / "docs"


def test_the_pages_are_up_to_date() -> None:
    made = runpy.run_path(str(DOCS / "make_commands.py"))["pages"]()
    assert len(made) == 7
    there = {path.name: path.read_text("utf-8") for path in (DOCS / "commands").iterdir()}
    assert there == made, "run: python docs/make_commands.py"


def test_the_page_on_filters_has_every_field() -> None:
    page = (DOCS / "filters.md").read_text(encoding="utf-8")
    made = runpy.run_path(str(DOCS / "make_commands.py"))["filters_page"](page)
    assert page == made, "run: python docs/make_commands.py"
