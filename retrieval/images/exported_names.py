"""Which JSON of Google Takeout describes a picture, by its name.

Google names the JSON of `IMG.jpg` `IMG.jpg.json` or `IMG.jpg.supplemental-metadata.json`, and cuts
what is before `.json` to 46 characters: `IMG_20230501_….jpg.supplem.json`, or `A very long na.json`
for a picture whose own name is longer. A picture that was edited, `IMG-edited.jpg`, has no JSON of
its own: that of `IMG.jpg` describes both.
"""

from __future__ import annotations

import re

from retrieval.query.spelling import as_read

LONGEST = 46
"""The most characters of a name before `.json`."""

SUPPLEMENT = ".supplemental-metadata"

_EDITED = re.compile(
    r"(.+)-(?:edited|bearbeitet|modifi[ée]e?|editad[oa]|modificat[oa]|bewerkt|edytowane|redigerad"
    r"|redigeret|redigert|muokattu|upravené|düzenlendi|編集済み|已修改|수정됨|отредактировано)"
    r"((?:\(\d+\))?\.[^./]*)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(.+)(\(\d+\))(\.[^./]*)?")


def other_names(path: str) -> tuple[str, ...]:
    """Return what JSON beside a picture may describe (`images.beside`) if it is not its own path.

    That is the path of the picture of which it is an edited copy, and what Google cuts long names
    to. It counts composed characters (NFC).
    """
    edited = _EDITED.fullmatch(path)
    whole = [path, edited[1] + edited[2]] if edited else [path]
    found = whole[1:]
    for each in whole:
        for name in dict.fromkeys((each, as_read(each))):
            start = name.rpartition("/")[0]
            end = len(start) + bool(start) + LONGEST
            if len(name) > end:
                found.append(name[:end])
    return tuple(dict.fromkeys(found))


def json_names(path: str) -> tuple[str, ...]:
    """Return the paths that JSON of a picture may have."""
    edited = _EDITED.fullmatch(path)
    found = []
    for each in (path, edited[1] + edited[2]) if edited else (path,):
        folder, slash, name = each.rpartition("/")
        numbered = _NUMBERED.fullmatch(name)
        spellings = [(name, "")]
        if numbered:
            spellings.append((numbered[1] + (numbered[3] or ""), numbered[2]))
        for plain, number in spellings:
            cut = (full[:LONGEST] for full in (plain, plain + SUPPLEMENT))
            found += [f"{folder}{slash}{each}{number}.json" for each in cut]
    return tuple(dict.fromkeys(found))
