"""The floors of the house: which package of `retrieval` may import which.

`tests/test_house.py` compares them with the imports, `tests/docs/test_architecture.py` with what
`docs/architecture.md` draws, and `benchmarks/house.py` counts the exceptions in them.
"""

from __future__ import annotations

# From the top floor down. A module may import from its own package and from lower floors, never
# sideways.
FLOORS: list[set[str]] = [
    {"__main__"},
    {"commands"},
    {"server", "__init__"},
    {"library"},
    {"watching", "evaluation"},
    {"indexing", "map", "duplicates"},
    {"tagging", "texts"},
    {"search", "folder", "pocket"},
    {"context", "scenes"},
    {"encoders", "stores"},
    {"catalogue"},
    {"scoring", "images"},
    {"query", "specs", "vectors", "whole_file"},
    {"errors"},
]

# Within the encoders, from the top down again.
ENCODERS: list[set[str]] = [
    {"engines", "transfer"},
    {"export"},
    {"compiled", "openclip", "text_cache"},
    {"texts"},
    {"models"},
    {"checks", "probes", "silenced", "oom_safe_batches", "protocols", "tensors"},
]
