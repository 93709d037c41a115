"""The ways in which one asks for the same thing.

A model gives "giraffe", "a giraffe" and "a photo of a giraffe" three vectors, and each of them has
its whims. Their mean says more reliably what is meant, so hits are judged by it, and the answer
does not depend on how one asks. The order of hits is left to the question as it is written.
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
"""So many words name a thing; more tell of it, and an article is not missing."""


def phrasings(text: str) -> tuple[str, ...]:
    """Return the ways to ask for what a text asks for, the same for "giraffe" and "a giraffe"."""
    what = _without(_OF, text.strip())
    bare = _without(_ARTICLE, what)
    is_name = bare != what or len(bare.split()) <= _NAME
    article = "an" if bare[:1].lower() in tuple("aeiou") else "a"
    one = f"{article} {bare}" if is_name else bare
    return tuple(form.format(bare=bare, one=one) for form in _FORMS)


def _without(beginning: re.Pattern[str], text: str) -> str:
    """Return a text without its beginning, unless nothing would be left."""
    found = beginning.match(text)
    return text[found.end() :] if found and found.end() < len(text) else text
