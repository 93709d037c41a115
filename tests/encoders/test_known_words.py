"""Words that a model has never seen: by its list, or by the script alone."""

from __future__ import annotations

import gzip
import os
import shutil
from importlib import resources
from pathlib import Path

import pytest

from retrieval.encoders.models.references import built_in_folder
from retrieval.encoders.texts.known_words import FILE, unknown_words

WORDS = """and don the
beach bus café city cliff cow dog grind happy horse leaf market photo picture pool rain
run skateboard snow sofa stop story street swim wolf strand hund 沙滩 小孩 кошка كلب"""

ENGLISH = "ViT-B-32/openai"


def model(folder: Path, words: str = WORDS) -> str:
    """Return a model's reference, whose folder has a list of words; nothing of it is loaded."""
    folder.mkdir(exist_ok=True)
    for name in ("open_clip_config.json", "open_clip_model.safetensors"):
        if name.endswith("json"):
            shutil.copy(built_in_folder() / name, folder)
        else:
            (folder / name).touch()
    with gzip.open(folder / FILE, "wt", encoding="utf-8") as file:
        file.write("\n".join(sorted(words.split())) + "\n")
    return f"local-dir:{folder}"


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("two dogs on a beach", ()),  # the commonest words need no list
        ("qwzx vbnm", ("qwzx", "vbnm")),
        ("a Dog and a QWZX, qwzx", ("QWZX", "qwzx")),
        ("happiest stories, happily", ()),
        ("skateboarders grinding", ()),
        ("stopped stopping", ()),
        ("cities, leaves and wolves", ()),
        ("streetmarket", ()),  # two known words in one
        ("skatebord", ("skatebord",)),
        ("the dog's, don't, t-shirt", ("shirt",)),
        ("cafe\u0301 CAFÉ", ()),
        ("1234 2023-05 #17 :-)", ()),
        ("", ()),
        ("\uff44\uff4f\uff47", ()),  # full width
        ("ein Hund", ("ein",)),
        ("小孩 沙滩", ()),
        ("孩子在沙滩", ("子在",)),  # characters are looked for one by one
        ("海", ("海",)),
        ("кошка и собака", ("и", "собака")),
        ("كلب", ()),
        ("🐶", ("🐶",)),
        ("बच्चे", ("बच्चे",)),  # its vowel signs belong to the word
        ("dog海dog", ("海",)),
    ],
)
def test_a_list_of_words(question: str, unknown: tuple[str, ...], tmp_path: Path) -> None:
    assert unknown_words(question, model(tmp_path / "m")) == unknown


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("qwzx Schwimmbad ñandú", ()),
        ("собака on a beach", ("собака",)),
        ("海边的孩子", ("海边的孩子",)),
        ("a dog 犬 犬", ("犬",)),
        ("🐶", ()),
    ],
)
def test_of_a_model_without_a_list_the_script_tells(
    question: str, unknown: tuple[str, ...]
) -> None:
    assert unknown_words(question, ENGLISH) == unknown
    assert unknown_words(question, "ViT-B-16-SigLIP2-256/webli") == ()


def test_of_a_checkpoint_of_one_s_own_nothing_is_known(tmp_path: Path) -> None:
    reference = model(tmp_path / "m")
    (tmp_path / "m" / FILE).unlink()
    assert unknown_words("犬 qwzx", reference) == ()
    assert unknown_words("犬 qwzx", "local-dir:/nowhere") == ()


def test_a_list_that_changed_is_read_again_and_a_damaged_one_left_alone(tmp_path: Path) -> None:
    reference = model(tmp_path / "m")
    assert unknown_words("qwzx", reference) == ("qwzx",)
    model(tmp_path / "m", "qwzx")
    os.utime(tmp_path / "m" / FILE, ns=(1, 1))
    assert unknown_words("qwzx", reference) == ()
    whole = (tmp_path / "m" / FILE).read_bytes()
    for number, damaged in enumerate((whole[:-9], b"not gzip", b""), 2):
        (tmp_path / "m" / FILE).write_bytes(damaged)
        os.utime(tmp_path / "m" / FILE, ns=(number, number))
        assert unknown_words("qwzx", reference) == ()


def test_the_built_in_list_has_every_common_word() -> None:
    path = built_in_folder() / FILE
    if not path.exists():
        pytest.skip("the built-in model brings no list of words")
    lines = (
        resources.files("retrieval.encoders.texts")
        .joinpath("everyday.txt")
        .read_text("utf-8")
        .splitlines()
    )
    listed = gzip.decompress(path.read_bytes()).decode().split()
    assert listed == sorted(listed)
    everyday = {word for line in lines if not line.startswith("#") for word in line.split()}
    with_forms = " ".join(sorted(word.strip(",.'").lower() for word in everyday))
    assert unknown_words(f"{with_forms} zebra", "pocket") == ()
    assert unknown_words("qwzx vbnm", "pocket") == ("qwzx", "vbnm")
