from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.images.globs import Exclusions

names = st.text(st.sampled_from("ab.[]!-*?\udcff é"), min_size=1, max_size=6)
plain = st.text(st.sampled_from("abc"), min_size=1, max_size=2)
paths = st.lists(plain, min_size=1, max_size=5).map("/".join)


@pytest.mark.parametrize(
    ("pattern", "path", "excluded"),
    [
        ("*.png", "a/b/c.png", True),
        ("*.png", "c.jpg", False),
        ("private", "private", True),
        ("private", "a/private", True),
        ("private", "a/privately", False),
        ("raw/**", "raw/x.jpg", True),
        ("raw/**", "raw/deep/x.jpg", True),
        ("raw/**", "a/raw/x.jpg", False),
        ("raw/", "a/raw", True),
        ("/top", "top", True),
        ("/top", "a/top", False),
        ("./top", "top", True),
        ("a/*/c", "a/b/c", True),
        ("a/*/c", "a/b/b/c", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/b/c", True),
        ("**/x.jpg", "x.jpg", True),
        ("**/x.jpg", "a/b/x.jpg", True),
        ("2019/*/small", "2019/may/small", True),
        ("[ab]?.jpg", "b1.jpg", True),
        ("[!ab]1.jpg", "b1.jpg", False),
        ("", "a", False),
        ("/", "a", False),
    ],
)
def test_patterns(pattern: str, path: str, excluded: bool) -> None:
    assert Exclusions([pattern]).excludes(path) is excluded


def test_what_is_excluded_takes_everything_below_along() -> None:
    rules = Exclusions(["private"])
    assert not rules.excludes("private/a/b.jpg")
    assert rules.excludes_within("private/a/b.jpg")
    assert rules.excludes_within("x/private/a/b.jpg")
    assert not rules.excludes_within("x/y/b.jpg")


@given(names, names)
def test_a_pattern_without_a_slash_is_fnmatch_on_the_last_name(pattern: str, name: str) -> None:
    assert Exclusions([pattern]).excludes(f"folder/{name}") == fnmatchcase(name, pattern)


@given(paths)
def test_a_path_excludes_itself_and_stars_exclude_everything(path: str) -> None:
    assert Exclusions([f"/{path}"]).excludes(path)
    assert Exclusions(["**/*"]).excludes(path)
    assert Exclusions(["**/**/**"]).excludes(path)


@given(st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=2, max_size=5), paths)
def test_stars_equal_the_obvious_definition(pattern: list[str], path: str) -> None:
    def matches(wanted: list[str], parts: list[str]) -> bool:
        if not wanted:
            return not parts
        if wanted[0] == "**":
            return any(matches(wanted[1:], parts[n:]) for n in range(len(parts) + 1))
        return bool(parts) and fnmatchcase(parts[0], wanted[0]) and matches(wanted[1:], parts[1:])

    assert Exclusions(["/".join(pattern)]).excludes(path) == matches(pattern, path.split("/"))


def test_many_stars_take_no_time() -> None:
    assert not Exclusions(["/".join(["**", "a"] * 40)]).excludes("/".join(["a"] * 30 + ["b"]))


@pytest.mark.parametrize("pattern", ["*a" * 100 + "b", "*?" * 100 + "b", "**/" * 100 + "b"])
def test_many_stars_do_not_backtrack(pattern: str) -> None:
    assert not Exclusions([pattern]).excludes("a" * 255)
    assert not Exclusions([pattern]).excludes("/".join("a" * 255))
