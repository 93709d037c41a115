"""`encode`, `import` and `export` to a folder, as a person runs them."""

from __future__ import annotations

from pathlib import Path

from support.command_line import Run
from support.data_sets import png, tar

COLOURS = {"0001": (255, 0, 0), "0002": (0, 255, 0), "0003": (0, 0, 255)}


def test_the_commands(run: Run, tmp_path: Path) -> None:
    tar(tmp_path / "0.tar", {f"{key}.png": png(rgb) for key, rgb in COLOURS.items()})
    tar(tmp_path / "1.tar", {"bad.png": b"no picture", "grey.png": png("grey")})
    done = run("encode", "{0..1}.tar", "out", "--model", "fast", "--shard-size", "2")
    assert (done.code, "4 pictures" in done.out) == (0, True)
    assert "bad.png" in done.out
    done = run("import", "out", "--library", "lib", "--model", "fast")
    assert (done.code, "4 new pictures" in done.out) == (0, True)
    assert "1.tar/bad.png" in run("status", "--problems", "--library", "lib").out
    assert "0.tar/0001.png" in run("search", "red", "--library", "lib", "-k", "1").out
    assert run("export", "all", "--library", "lib").code == 0
    assert run("import", "all", "--library", "lib2").code == 2  # no model is named
    assert run("import", "all", "--library", "lib2", "--model", "fast").code == 0
    done = run("encode", "nothing.tar", "out")
    assert (done.code, "nothing.tar" in done.err) == (1, True)
