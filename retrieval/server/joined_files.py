"""Joins the page's scripts, and its styles, each into one file: browsers ask once, not forty times.

The scripts stay plain modules that run as they are, also in the tests. What is joined here is only
how they travel: each becomes a function that runs once, when another one first imports it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

_IMPORT = re.compile(r'^import (?:\* as (\w+)|\{([^}]*)\}) from "\.?/(\w+)\.js";$', re.MULTILINE)
_LATER = re.compile(r'\bimport\("\.?/(\w+)\.js"\)')
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) ([\w$]+))", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_STYLE = re.compile(r'^<link rel="stylesheet" href="/(\w+\.css)">\n', re.MULTILINE)
_SCRIPT = re.compile(r'^<script src="/(\w+)\.js" type="module"></script>\n', re.MULTILINE)
_ONCE = "const $once = (make) => { let made; return () => (made ??= make()); };\n"


def joined_script(scripts: Mapping[str, str], first: str) -> str:
    """Return one module that does what the module `first` does, with all that it imports.

    `scripts` are modules by their names without ".js". They import each other by name at the start
    of lines, and export functions, classes and constants where they define them; ValueError for
    one that does otherwise.
    """
    parts, left, seen = [_ONCE], [first], {first}
    while left:
        name = left.pop()
        script = scripts[name]
        for pattern, group in ((_IMPORT, 3), (_LATER, 1)):
            for found in pattern.finditer(script):
                if found[group] not in seen:
                    seen.add(found[group])
                    left.append(found[group])
        parts.append(_part(name, script))
    return "".join(parts) + f"$_{first}();\n"


def joined_page(html: str, files: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return a page that asks for one script and one style sheet, and these two by their names.

    `files` are the scripts and styles by file name. The new names change with the contents, so
    browsers may keep the files for ever.
    """
    styles, entry = _STYLE.findall(html), _SCRIPT.search(html)
    if not styles or entry is None:
        raise ValueError("the page names no style sheet or no script")
    scripts = {name[:-3]: text for name, text in files.items() if name.endswith(".js")}
    script = joined_script(scripts, entry[1])
    style = "".join(files[name] for name in styles)
    made = {f"page-{_digest(script)}.js": script, f"page-{_digest(style)}.css": style}
    script_name, style_name = made
    links = f'<link rel="stylesheet" href="/{style_name}">\n'
    links += f'<script src="/{script_name}" type="module"></script>\n'
    html = _STYLE.sub("", html)
    return _SCRIPT.sub(lambda _: links, html), made


def _part(name: str, script: str) -> str:
    exports = _EXPORT.findall(script)
    body = _IMPORT.sub(_taken_in, script)
    body = _LATER.sub(r"Promise.resolve().then($_\1)", _EXPORT.sub("", body))
    strange = _UNKNOWN.search(body)
    if strange is not None:
        raise ValueError(f"{name}.js has a line that cannot be joined: {strange[0]}")
    return (
        f"// {name}.js\nconst $_{name} = $once(() => {{\n"
        f"{body}return {{ {', '.join(exports)} }};\n}});\n"
    )


def _taken_in(found: re.Match[str]) -> str:
    whole, names, module = found.groups()
    return f"const {whole or '{' + names.replace(' as ', ': ') + '}'} = $_{module}();"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_texts(folder: Path) -> dict[str, str]:
    """Return the scripts and styles of a folder by file name."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(folder.iterdir())
        if path.suffix in (".js", ".css")
    }
