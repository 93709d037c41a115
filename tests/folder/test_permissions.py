"""A catalogue that this user may not read: the error says so."""

from __future__ import annotations

import sqlite3
from typing import NoReturn

import pytest
from support.fakes import FakeEncoder

from retrieval import Library, LibraryError


def test_a_catalogue_without_permission(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> NoReturn:
        raise sqlite3.OperationalError("unable to open database file")

    # What the system answers; root, as which tests may run, could read everything.
    monkeypatch.setattr("sqlite3.connect", refused)
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    with pytest.raises(LibraryError, match=r"no permission to read .*catalogue\.sqlite") as told:
        Library.open(library.path, FakeEncoder())
    assert "permissions" in told.value.hint
