r"""Filters: conditions on what is known of a picture, and their written form.

    taken >= 2023-05 and camera ~ 'Pixel' and width > 2000
    path in 'trips/' and not (format = png or has text)
    gps near 48.85,2.35 within 10 km  ·  gps in 40,-10,60,20  ·  tag in ('dog', 'cat')

    condition  =  both { "or" both }
    both       =  one { "and" one }
    one        =  "not" one  |  "(" condition ")"  |  "has" FIELD  |  FIELD test
    test       =  ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" ) VALUE
               |  [ "not" ] "in" ( VALUE  |  "(" VALUE { "," VALUE } ")" )
               |  "near" NORTH "," EAST "within" NUMBER ( "m" | "km" | "mi" )
               |  "in" SOUTH "," WEST "," NORTH "," EAST

`~` is "contains"; in the value of `=`, `*` stands for any characters and `?` for one. Values may
stand in ' or " (doubled within to mean itself); those without spaces and signs need not. Texts are
compared without case and accents. A path that does not begin at the root may begin at any folder.
A date is compared as far as it is written: `taken > 2023-05` is after that month.

A comparison with something that a picture does not have is false, so `not` of it is true:
`not camera ~ 'Pixel'` also finds what has no camera, `camera != 'Pixel'` does not. A picture with
copies is found if one of its files fits.
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
