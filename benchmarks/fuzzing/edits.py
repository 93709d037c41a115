"""Files of what people made: edits."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from random import Random

from fuzzing.cases import Case, small_library
from fuzzing.mutations import written_json
from support.fakes import FakeEncoder

from retrieval import Library, LibraryError, PixtrieveError, Query, SearchOptions


def edits(folder: Path) -> Case:
    """Try files of edits: all of one is taken in, or nothing and the file is named."""
    library = Library.open(small_library(folder), FakeEncoder())
    names = [path for row, _ in library.images() for path in row.paths]
    library.albums.add("all", names)
    library.favourites.add(names[:1])
    library.saved.add("own", Query.parse("red + #1"), SearchOptions(where="has album", like=[1]))
    library.export_edits(folder / "edits.json")
    whole = json.loads((folder / "edits.json").read_text("utf-8"))

    def case(random: Random) -> None:
        path = folder / "edits.json"
        path.write_bytes(written_json(random, whole))
        before = library.albums.all(), len(library.favourites.pictures()), library.saved.all()
        refusal = ""
        try:
            library.import_edits(path)
        except LibraryError as error:
            refusal = error.message
        if refusal:
            assert "edits.json" in refusal
            after = library.albums.all(), len(library.favourites.pictures()), library.saved.all()
            assert after == before
        for each in library.saved.all():
            with suppress(PixtrieveError):
                library.saved.answer(each.name)
        for album in library.albums.all():
            library.albums.pictures(album.name)
            if album.name != "all":
                library.albums.delete(album.name)
        for each in library.saved.all():
            library.saved.remove(each.name)

    return case
