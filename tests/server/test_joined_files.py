"""The page's scripts and styles travel as one file each, and do the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.waiting import SUBPROCESS_S

pytest.importorskip("fastapi")
from support.api_client import Client

from retrieval.server.joined_files import joined_page, joined_script, read_texts
from retrieval.server.routes.page import STATIC

SCRIPTS = {
    "main": """import { add as plus, Counter } from "./parts.js";
import * as words from "/words.js";

const counter = new Counter();
console.log(words.said, plus(1, 2), counter.next(), counter.next());
import("./late.js").then(async ({ again }) => console.log(await again()));
""",
    "parts": """export class Counter {
  count = 0;
  next() { return (this.count += 1); }
}
export const add = (a, b) => a + b;
console.log("parts runs");
""",
    "words": 'import { add } from "./parts.js";\nexport const said = `sum ${add(2, 2)}`;\n',
    "late": """import { said } from "./words.js";
console.log("late runs");
export async function again() { return await said; }
""",
    "unused": 'console.log("never");\n',
}


def test_joined_modules_do_what_they_do_apart(node: str, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for name, script in SCRIPTS.items():
        (tmp_path / f"{name}.js").write_text(script.replace('"/', '"./'))
    (tmp_path / "joined.js").write_text(joined_script(SCRIPTS, "main"))
    said = [
        subprocess.run(
            [node, name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=SUBPROCESS_S,
        ).stdout
        for name in ("main.js", "joined.js")
    ]
    assert said == ["parts runs\nsum 4 3 1 2\nlate runs\nsum 4\n"] * 2


@pytest.mark.parametrize(
    "line", ["export default 1;", "export let count = 0;", 'import "./parts.js";', "export { a };"]
)
def test_a_module_of_another_kind_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"main[.]js has a line that cannot be joined"):
        joined_script({"main": f"{line}\n"}, "main")


def test_the_page_asks_for_two_files_that_it_may_keep(client: Client) -> None:
    api = client()
    page = api.get("/").text
    names = re.findall('(?:src|href)="(/[^"]+[.](?:js|css))"', page)
    assert len(names) == 2
    for name in names:
        answer = api.get(name)
        assert "immutable" in answer.headers["cache-control"]
        assert len(answer.content) > 10_000
    files = read_texts(STATIC)
    html = (STATIC / "index.html").read_text()
    changed = {**files, "dom.js": f"{files['dom.js']}// other\n"}
    before, after = (joined_page(html, each)[1] for each in (files, changed))
    assert [name for name in before if name in after] == [
        name for name in before if name.endswith("css")
    ]


def test_every_script_of_the_page_is_joined() -> None:
    files = read_texts(STATIC)
    _, joined = joined_page((STATIC / "index.html").read_text(), files)
    script = next(text for name, text in joined.items() if name.endswith("js"))
    missing = {name for name in files if name.endswith(".js") and f"// {name}\n" not in script}
    assert missing == {"reference.js"}  # that of the page of the API
