"""Captions written from facts, each with the set of its claims about the scene."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.scenes.facts import PLACES, WEATHER, Facts, Item

NUMBERS = ("no", "one", "two", "three", "four", "five")
Claim = tuple[str, ...]
CAPTION_CONTENTS = (
    "everything",
    "things and place",
    "first thing, place, weather",
    "first thing",
    "things and weather",
    "kind of thing and place",
    "sign and things",
)
"""The content of each caption of a scene, in the order of `write_captions`."""


@dataclass(frozen=True)
class Caption:
    """A sentence and its claims; it describes every scene for which all its claims are true."""

    text: str
    claims: frozenset[Claim]

    def describes(self, facts: Facts) -> bool:
        """Return whether all claims of the caption are true for a scene."""
        return self.claims <= truths(facts)


def truths(facts: Facts) -> frozenset[Claim]:
    """Return all claims that are true for a scene."""
    found: set[Claim] = {("place", facts.place), ("weather", facts.weather)}
    for item in (facts.subject, facts.companion):
        if item:
            found |= _item_claims(item)
    if facts.sign:
        found.add(("sign", facts.sign))
    return frozenset(found)


def write_captions(facts: Facts) -> tuple[Caption, ...]:
    """Return the full caption first, then shorter ones that omit some facts."""
    subject, place, weather = facts.subject, PLACES[facts.place][0], WEATHER.get(facts.weather, "")
    things = [item for item in (subject, facts.companion) if item]
    both = " and ".join(phrase(item) for item in things)
    claims = frozenset().union(*(_item_claims(item) for item in things))
    here, now = ("place", facts.place), ("weather", facts.weather)
    sign = f'with a sign that says "{facts.sign}"' if facts.sign else ""
    signed = {("sign", facts.sign)} if facts.sign else set()
    plain = subject.name if subject.count == 1 else subject.kind.plural
    captions = [
        Caption(_join(both, place, weather, sign), claims | {here, now} | signed),
        Caption(_join(both, place), claims | {here}),
        Caption(_join(phrase(subject), place, weather), _item_claims(subject) | {here, now}),
        Caption(_join(phrase(subject)), _item_claims(subject)),
        Caption(_join(f"a picture of {both}", weather), claims | {now}),
        Caption(_join(_article(plain, subject), place), frozenset({("thing", subject.name), here})),
    ]
    if facts.sign:
        captions.append(Caption(f'a sign that says "{facts.sign}" next to {both}', claims | signed))
    return tuple(captions)


def phrase(item: Item) -> str:
    """Return "a red car", "an orange kite" or "three blue cups"."""
    if item.count > 1:
        return f"{NUMBERS[item.count]} {item.colour} {item.kind.plural}"
    article = "an" if item.colour[0] in "aeiou" else "a"
    return f"{article} {item.colour} {item.name}"


def _article(plain: str, item: Item) -> str:
    if item.count > 1:
        return plain
    return f"{'an' if plain[0] in 'aeiou' else 'a'} {plain}"


def _item_claims(item: Item) -> frozenset[Claim]:
    return frozenset(
        {
            ("thing", item.name),
            ("coloured", item.name, item.colour),
            ("counted", item.name, str(item.count)),
        }
    )


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)
