"""Changed paths are gathered until it is time to index them."""

from __future__ import annotations

from retrieval.watching.debounce import Debouncer


def test_paths_are_given_out_when_it_has_been_quiet_or_has_taken_too_long() -> None:
    gathered = Debouncer(1.0, 5.0)
    assert gathered.take(0) == set()
    gathered.hear({"a"}, 10)
    gathered.hear({"b"}, 10.9)
    assert gathered.take(11.5) == set()
    assert gathered.take(11.9) == {"a", "b"}
    assert gathered.take(20) == set()
    for tenths in range(52):
        gathered.hear({"c"}, 30 + tenths / 10)
        if tenths < 50:
            assert gathered.take(30 + tenths / 10) == set()
    assert gathered.take(35.2) == {"c"}


def test_paths_that_are_kept_come_when_it_is_time() -> None:
    gathered = Debouncer(1.0, 5.0)
    gathered.keep({"a", "b"}, 10)
    gathered.keep({"b"}, 5)
    gathered.keep({"a"}, 20)
    assert gathered.take(4.9) == set()
    assert gathered.take(5) == {"b"}
    gathered.hear({"c"}, 9.5)
    assert gathered.take(10) == {"a"}
    assert gathered.take(10.5) == {"c"}
