"""The facts that define a scene; its picture and its captions are made from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from retrieval.scenes.kinds import BY_NAME, KINDS, Kind

# Place → (the words for it in a caption, its zones for things).
PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "beach": ("on a beach", ("ground", "air", "water")),
    "street": ("on a street", ("ground", "air")),
    "city": ("in front of a city skyline", ("ground", "air")),
    "snow": ("on a snow field", ("ground", "air")),
    "desert": ("in the desert", ("ground", "air")),
    "forest": ("in a forest", ("ground", "air")),
    "meadow": ("on a green meadow", ("ground", "air")),
    "mountains": ("in front of mountains", ("ground", "air")),
    "sea": ("on the open sea", ("water", "air")),
    "lake": ("at a lake", ("ground", "water", "air")),
    "underwater": ("under water", ("deep",)),
    "table": ("on a kitchen table", ("table",)),
}
# Weather → the words for it at the end of a caption.
WEATHER: dict[str, str] = {
    "sunny": "in the sunshine",
    "rain": "in the rain",
    "snow": "in falling snow",
    "fog": "in thick fog",
    "night": "at night",
    "sunset": "at sunset",
}
INDOORS = ("underwater", "table")
SIGN_WORDS = (
    "CAFE", "OPEN", "STOP", "HOTEL", "MUSIC", "BOOKS", "PIZZA", "SALE", "EXIT", "TAXI",
    "PARK", "ZOO", "BANK", "TEA", "BIKE", "HOME", "CAMP", "FARM",
    "SHOP", "BAR", "LOVE", "HELLO", "WELCOME", "DANGER",
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One or several equal things of one colour."""

    name: str
    colour: str
    count: int = 1

    @property
    def kind(self) -> Kind:
        """The kind of thing."""
        return BY_NAME[self.name]


@dataclass(frozen=True)
class Facts:
    """All facts of a scene."""

    place: str
    weather: str  # "" indoors and under water
    subject: Item
    companion: Item | None = None
    sign: str = ""


def draw_facts(rng: np.random.Generator) -> Facts:
    """Return the facts of a random plausible scene: fish swim under water, cups stand on tables."""
    place = str(rng.choice(list(PLACES)))
    zones = PLACES[place][1]
    subject = _several(_item(zones, rng, 1), rng)
    companion = None
    if rng.random() < 0.55:
        companion = _item(zones, rng, 1)
        if companion.name == subject.name:
            companion = None
    weather = _weather(place, (subject, companion), rng)
    signed = "ground" in zones and subject.count < 4 and rng.random() < 0.25
    return Facts(place, weather, subject, companion, str(rng.choice(SIGN_WORDS)) if signed else "")


def _item(zones: tuple[str, ...], rng: np.random.Generator, count: int) -> Item:
    # Choose the zone first: otherwise the many kinds on the ground would displace boats and kites.
    weights = np.array([2.0 if zone == "ground" else 1.0 for zone in zones])
    zone = zones[int(rng.choice(len(zones), p=weights / weights.sum()))]
    kinds = [kind for kind in KINDS if kind.zone == zone]
    kind = kinds[int(rng.integers(len(kinds)))]
    return Item(kind.name, str(rng.choice(kind.colours.split())), count)


def _several(item: Item, rng: np.random.Generator) -> Item:
    """Return the item with a random count from 1 to 5, limited by the room in the picture."""
    wanted = int(rng.choice([1, 2, 3, 4, 5], p=[0.46, 0.2, 0.16, 0.1, 0.08]))
    return replace(item, count=min(wanted, int(1.6 / item.kind.size)))


def _weather(place: str, items: tuple[Item | None, ...], rng: np.random.Generator) -> str:
    if place in INDOORS:
        return ""
    weather = str(rng.choice(list(WEATHER)))
    unseen = any(item and item.colour == "black" for item in items)
    return "sunset" if weather == "night" and unseen else weather
