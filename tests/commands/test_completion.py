"""`pixtrieve completion`: scripts that shells accept, and what they get from the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from support.command_line import Run
from support.waiting import SUBPROCESS_S


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_the_program(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert done.code == 0, done.err
    assert f"_PIXTRIEVE_COMPLETE={shell}_complete" in done.out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.out, text=True, check=True, timeout=SUBPROCESS_S)


def test_other_shells_are_refused_with_the_known_ones(run: Run) -> None:
    done = run("completion", "tcsh")
    assert done.code == 2
    assert "bash" in done.err


def test_the_program_completes_commands_and_options() -> None:
    program = "from retrieval.commands import pixtrieve; pixtrieve.main(prog_name='pixtrieve')"
    for words, at, expected in (
        ("pixtrieve dup", 1, "duplicates"),
        ("pixtrieve search --off", 2, "--offset"),
    ):
        environment = {
            **os.environ, "_PIXTRIEVE_COMPLETE": "bash_complete", "COMP_WORDS": words,
            "COMP_CWORD": str(at),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment, capture_output=True, text=True, check=True, timeout=SUBPROCESS_S,
        )  # fmt: skip
        assert f"plain,{expected}" in done.stdout.splitlines()
