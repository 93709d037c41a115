"""Changed paths are gathered until it is time to index them."""

from __future__ import annotations

from retrieval.watching.debounce import Debouncer


def test_paths_are_given_out_when_it_has_been_quiet_or_has_taken_too_long() -> None:
    gathered = Debouncer(1.0, 5.0)
    assert gathered.take_due(0) == set()
    gathered.add({"a"}, 10)
    gathered.add({"b"}, 10.9)
    assert gathered.take_due(11.5) == set()
    assert gathered.take_due(11.9) == {"a", "b"}
    assert gathered.take_due(20) == set()
    for tenths in range(52):
        gathered.add({"c"}, 30 + tenths / 10)
        if tenths < 50:
            assert gathered.take_due(30 + tenths / 10) == set()
    assert gathered.take_due(35.2) == {"c"}


def test_paths_that_are_kept_come_when_it_is_time() -> None:
    gathered = Debouncer(1.0, 5.0)
    gathered.schedule({"a", "b"}, 10)
    gathered.schedule({"b"}, 5)
    gathered.schedule({"a"}, 20)
    assert gathered.take_due(4.9) == set()
    assert gathered.take_due(5) == {"b"}
    gathered.add({"c"}, 9.5)
    assert gathered.take_due(10) == {"a"}
    assert gathered.take_due(10.5) == {"c"}
