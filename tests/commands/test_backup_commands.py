"""`backup`, `restore`, `relocate` and `edits` on the command line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from support.command_line import OWN_LIBRARY, Run


def test_backup_and_restore(run: Run, indexed: Path, tmp_path: Path) -> None:
    done = run("backup", "b.zip")
    assert done.code == 0
    assert "4 pictures" in done.out
    again = run("backup", "b.zip")
    assert again.code == 1
    assert "--force" in again.err
    assert run("backup", "b.zip", "--force").code == 0

    refused = run("restore", "b.zip")
    assert refused.code == 1
    assert "--force" in refused.err
    forced = run("restore", "b.zip", "--force")
    assert forced.code == 0
    kept = next(Path(OWN_LIBRARY).glob("before-restore-*"))
    assert str(kept.resolve()) in forced.out
    assert run("restore", "b.zip", "--library", "other").code == 0
    found = run("search", "red", "--paths", "-k", "1", "--library", "other")
    assert found.out.strip() == str(indexed / "red.png")


def test_a_damaged_backup(run: Run, indexed: Path) -> None:
    run("backup", "b.zip")
    content = Path("b.zip").read_bytes()
    Path("b.zip").write_bytes(content[:-1])
    done = run("restore", "b.zip", "--library", "other")
    assert done.code == 1
    assert "b.zip" in done.err
    assert not os.path.exists("other")
    assert indexed.exists()


def test_without_a_library(run: Run) -> None:
    for arguments in (("backup", "b.zip"), ("relocate", "a", "b"), ("edits", "export", "e.json")):
        done = run(*arguments)
        assert done.code == 1
        assert "pixtrieve index" in done.err
    assert os.listdir() == []


def test_relocate(run: Run, indexed: Path, tmp_path: Path) -> None:
    shutil.move(indexed, tmp_path / "moved")
    dry = run("relocate", indexed, "moved", "--dry-run")
    assert dry.code == 0
    assert "4 files" in dry.out
    assert str(indexed) in run("search", "red", "--paths", "-k", "1").out
    assert run("relocate", indexed, "moved").code == 0
    assert run("search", "red", "--paths", "-k", "1").out.strip() == str(tmp_path / "moved/red.png")
    assert run("relocate", indexed, "moved").code == 1


def test_edits(run: Run, indexed: Path) -> None:
    Path("captions.csv").write_text(f"file,caption\n{indexed / 'red.png'},quokka\n")
    run("captions", "captions.csv")
    assert run("edits", "export", "e.json").code == 0
    assert run("edits", "export", "e.json").code == 1
    run("index", indexed, "--library", "other", "--model", "fast")
    taken = run("edits", "import", "e.json", "--library", "other")
    assert taken.code == 0
    found = run("search", "quokka", "--in", "texts", "--paths", "-k", "1", "--library", "other")
    assert found.out.strip() == str(indexed / "red.png")
