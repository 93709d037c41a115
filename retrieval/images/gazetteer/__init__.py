"""Names of places, offline: the nearest town of a position, and what countries are called.

The towns are those of GeoNames with about 1,000 people or more, their regions and countries
(CC BY 4.0: `LICENSE.geonames`). The names of countries, and of large cities, in other languages are
those of the Unicode CLDR (`LICENSE.cldr`). `pack` makes the files. Nothing is loaded before the
first picture with a position.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nearby:
    """The town that a position is in or near, its region, and its country's ISO code ("PT").

    All are "" far from any town, at sea for example. A region may be unknown.
    """

    city: str = ""
    region: str = ""
    country: str = ""


NOWHERE = Nearby()
