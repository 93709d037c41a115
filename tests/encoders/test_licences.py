"""Licences of weights: of presets, of those that may not be used for everything, of no others."""

from __future__ import annotations

import pytest

from retrieval.encoders.models import tables
from retrieval.encoders.models.licences import licence_of
from retrieval.encoders.models.presets import PRESETS


def test_presets_have_theirs() -> None:
    for preset in PRESETS.values():
        assert licence_of(preset.reference) == preset.licence


@pytest.mark.parametrize(
    ("reference", "licence"),
    [
        ("MobileCLIP2-S2/dfndr2b", "Apple's, for research only"),
        ("hf-hub:apple/MobileCLIP2-S0", "Apple's, for research only"),
        ("ViT-H-14-worldwide-quickgelu/metaclip2_worldwide", "CC-BY-NC-4.0"),
        ("ViT-B-32-quickgelu/metaclip_400m", "CC-BY-NC-4.0"),
        ("ViT-B-32/laion2b_s34b_b79k", ""),
        ("MobileCLIP2-S2@/models/mine.safetensors", ""),
        ("local-dir:/models/worldwide", ""),
        ("pocket", "see its model card"),
    ],
)
def test_a_name_tells_it_or_does_not(reference: str, licence: str) -> None:
    found = licence_of(reference)
    assert found.startswith(licence) if licence else found == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "theirs"), [("MobileCLIP", "apple-amlr"), ("metaclip", "cc-by-nc-4.0")]
)
def test_timm_says_the_same_of_its_image_towers(kind: str, theirs: str) -> None:
    from timm.models import list_pretrained
    from timm.models._registry import get_pretrained_cfg

    towers = list_pretrained("*mclip*" if kind == "MobileCLIP" else f"*{kind}*")
    assert towers
    found = [get_pretrained_cfg(tower) for tower in towers]
    assert {settings.license for settings in found if settings} == {theirs}
    assert all(found)
    known = [
        f"{name}/{tag}"
        for name, tags in tables.published().items()
        for tag in tags
        if kind in name or kind in tag
    ]
    assert known
    assert all(licence_of(reference) for reference in known)
