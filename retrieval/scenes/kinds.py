"""The table of things in scenes, with their colours, sizes and zones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from retrieval.scenes import things_animals as animals
from retrieval.scenes import things_land as land
from retrieval.scenes import things_small as small
from retrieval.scenes.canvas import Colour, Pen

BRIGHT = "red orange yellow green blue purple pink"
ANY = BRIGHT + " white black brown"
FUR = "white black brown grey orange"


@dataclass(frozen=True)
class Kind:
    """A kind of thing: its names, zone, size, colours and drawing function."""

    name: str
    plural: str
    zone: str  # "ground", "air", "water", "deep" or "table"
    size: float  # side of its square as a share of the picture, when alone
    colours: str  # words from `COLOURS`, separated by spaces
    draw: Callable[[Pen, Colour], None]


KINDS: tuple[Kind, ...] = (
    Kind("house", "houses", "ground", 0.46, BRIGHT + " white", land.house),
    Kind("tree", "trees", "ground", 0.48, "green orange pink yellow", land.tree),
    Kind("car", "cars", "ground", 0.38, ANY, land.car),
    Kind("bus", "buses", "ground", 0.46, BRIGHT, land.bus),
    Kind("train", "trains", "ground", 0.46, "red green blue black", land.train),
    Kind("bicycle", "bicycles", "ground", 0.36, BRIGHT + " black", land.bicycle),
    Kind("tent", "tents", "ground", 0.40, BRIGHT, land.tent),
    Kind("umbrella", "umbrellas", "ground", 0.40, BRIGHT + " black", land.umbrella),
    Kind("mushroom", "mushrooms", "ground", 0.28, "red brown white purple", land.mushroom),
    Kind("flower", "flowers", "ground", 0.32, "red yellow pink blue white purple", land.flower),
    Kind("cactus", "cactuses", "ground", 0.38, "green", land.cactus),
    Kind("snowman", "snowmen", "ground", 0.40, "red blue green black", land.snowman),
    Kind("bench", "benches", "ground", 0.36, "brown green red white", land.bench),
    Kind("ball", "balls", "ground", 0.24, BRIGHT, land.ball),
    Kind("dog", "dogs", "ground", 0.36, FUR, animals.dog),
    Kind("cat", "cats", "ground", 0.32, FUR, animals.cat),
    Kind("rabbit", "rabbits", "ground", 0.30, "white black brown grey", animals.rabbit),
    Kind("horse", "horses", "ground", 0.44, "white black brown grey", animals.horse),
    Kind("sheep", "sheep", "ground", 0.34, "white black brown", animals.sheep),
    Kind("bird", "birds", "air", 0.26, BRIGHT + " white black", animals.bird),
    Kind("butterfly", "butterflies", "air", 0.24, BRIGHT, animals.butterfly),
    Kind("balloon", "balloons", "air", 0.30, BRIGHT + " white", small.balloon),
    Kind("kite", "kites", "air", 0.30, BRIGHT, small.kite),
    Kind("hot air balloon", "hot air balloons", "air", 0.36, BRIGHT, small.airship),
    Kind("airplane", "airplanes", "air", 0.36, "white red blue yellow", small.airplane),
    Kind("boat", "boats", "water", 0.38, BRIGHT + " white brown", small.boat),
    Kind("ship", "ships", "water", 0.42, "black blue green white", small.ship),
    Kind("duck", "ducks", "water", 0.28, "yellow white brown green", animals.duck),
    Kind("whale", "whales", "water", 0.40, "blue grey black", animals.whale),
    Kind("fish", "fish", "deep", 0.32, BRIGHT, animals.fish),
    Kind("cup", "cups", "table", 0.30, ANY, small.cup),
    Kind("teapot", "teapots", "table", 0.36, BRIGHT + " white", small.teapot),
    Kind("apple", "apples", "table", 0.26, "red green yellow", small.apple),
    Kind("pear", "pears", "table", 0.28, "green yellow red", small.pear),
    Kind("cake", "cakes", "table", 0.38, "pink white brown blue", small.cake),
    Kind("book", "books", "table", 0.34, BRIGHT + " black", small.book),
    Kind("clock", "clocks", "table", 0.34, BRIGHT + " black", small.clock),
    Kind("candle", "candles", "table", 0.32, "white red blue green purple", small.candle),
    Kind("guitar", "guitars", "table", 0.46, "brown orange red blue", small.guitar),
)
BY_NAME = {kind.name: kind for kind in KINDS}
