"""Different phrasings of the same text query.

A model gives "giraffe", "a giraffe" and "a photo of a giraffe" three different vectors. Their mean
represents the meaning more reliably, so confidence is computed from it and does not depend on the
phrasing. The order of hits depends on the query as it is written.
"""

from __future__ import annotations

import re

_OF = re.compile(r"(?:(?:an?|the)\s+)?(?:photo|photograph|picture|image)\s+of\s+", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:an?|the)\s+", re.IGNORECASE)

_FORMS = (
    "{bare}",
    "{one}",
    "a photo of {one}",
    "a picture of {one}",
    "{one} in the background",
    "there is {one} here",
)

_NAME = 2
"""A text of at most this many words is a name; a longer one is a description without article."""


def phrasings(text: str) -> tuple[str, ...]:
    """Return the phrasings of a text; they are the same for "giraffe" and "a giraffe"."""
    what = _without(_OF, text.strip())
    bare = _without(_ARTICLE, what)
    one_thing = bare != what or len(bare.split()) <= _NAME
    article = "an" if bare[:1].lower() in tuple("aeiou") else "a"
    one = f"{article} {bare}" if one_thing else bare
    return tuple(form.format(bare=bare, one=one) for form in _FORMS)


def is_description(text: str) -> bool:
    """Return whether a text says more than the name of one thing: "a woman with a hat"."""
    return len(_without(_ARTICLE, _without(_OF, text.strip())).split()) > _NAME


def _without(beginning: re.Pattern[str], text: str) -> str:
    """Return a text without its beginning, unless that is the whole text."""
    found = beginning.match(text)
    return text[found.end() :] if found and found.end() < len(text) else text
