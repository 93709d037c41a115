r"""Filters: conditions on the fields of a picture, and their written form.

    taken >= 2023-05 and camera ~ 'Pixel' and width > 2000
    path in 'trips/' and not (format = png or has text)
    gps near 48.85,2.35 within 10 km  ·  gps in 40,-10,60,20  ·  tag in ('dog', 'cat')

    condition  =  both { "or" both }
    both       =  one { "and" one }
    one        =  "not" one  |  "(" condition ")"  |  [ "has" ] FLAG  |  "has" FIELD  |  FIELD test
    test       =  ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" ) VALUE
               |  [ "not" ] "in" ( VALUE  |  "(" VALUE { "," VALUE } ")" )
               |  "near" NORTH "," EAST "within" NUMBER ( "m" | "km" | "mi" )
               |  "in" SOUTH "," WEST "," NORTH "," EAST

`~` means "contains". In the value of `=`, `*` matches any characters and `?` a single one. Values
with spaces or signs must be quoted with ' or "; a doubled quote inside them means the quote itself.
Comparisons of texts ignore case and accents. A relative path matches from any folder on. A date is
compared with its own precision: `taken > 2023-05` means after that month.

A comparison with a field that the picture lacks is false, so `not` makes it true:
`not camera ~ 'Pixel'` also finds pictures without a camera, `camera != 'Pixel'` does not. A picture
with copies is found if one of its files matches.
"""

from retrieval.query.where.conditions import (
    And,
    Box,
    Comparison,
    Condition,
    Has,
    Near,
    Not,
    OneOf,
    Or,
)
from retrieval.query.where.parser import parse

__all__ = [
    "And",
    "Box",
    "Comparison",
    "Condition",
    "Has",
    "Near",
    "Not",
    "OneOf",
    "Or",
    "parse",
]
