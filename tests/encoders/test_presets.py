from __future__ import annotations

import pytest

from retrieval.encoders.models import tables
from retrieval.encoders.models.configs import tokenizer_repo
from retrieval.encoders.models.presets import PRESETS, Preset
from retrieval.encoders.models.references import parse


def test_there_is_one_for_each_need() -> None:
    assert list(PRESETS) == ["default", "fast", "multilingual", "best"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_agrees_with_the_installed_open_clip(preset: Preset) -> None:
    reference = parse(preset.reference)
    assert str(reference) == preset.reference
    assert reference.source in tables.published()[reference.name]
    config = tables.architecture(reference.name)
    assert config["embed_dim"] == preset.dim
    assert bool(preset.extra) == bool(tokenizer_repo(config))


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_licence_is_permissive(preset: Preset) -> None:
    assert preset.licence in {"MIT", "Apache-2.0"}


def test_the_figures_are_in_the_order_that_the_names_promise() -> None:
    fast, default, best = (PRESETS[name] for name in ("fast", "default", "best"))
    assert fast.image_gflops < default.image_gflops < best.image_gflops
    flickr = [preset.recall[0].text_to_image[1] for preset in (fast, default, best)]
    assert flickr == sorted(flickr)
    assert fast.download_mb == 605  # the size of that file on the hub


@pytest.mark.slow
def test_the_table_read_from_source_is_the_table_of_open_clip() -> None:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    ours = tables.published()
    pairs = {(name, tag) for name, tags in ours.items() for tag in tags}
    assert pairs == set(open_clip.list_pretrained())
    assert set(tables.architectures()) == set(open_clip.list_models())
    for name, tag in pairs:
        theirs, row = get_pretrained_cfg(name, tag), ours[name][tag]
        assert theirs["hf_hub"] == f"{row.repo}/{row.filename}"
        assert bool(theirs.get("quick_gelu")) == row.quick_gelu
        assert {key: theirs[key] for key in row.preprocess} == dict(row.preprocess)
