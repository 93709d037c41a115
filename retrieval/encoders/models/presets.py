"""Four models to choose from by need rather than by name.

Sources. Parameters, embedding sizes: open_clip's `docs/model_profile.csv` and its model
configurations. Recall: open_clip's `docs/openclip_retrieval_results.csv` (zero-shot, Flickr30k and
MSCOCO test sets, English) and `docs/openclip_multilingual_retrieval_results.csv` (Crossmodal-3600,
mean of 36 languages), both as of open_clip commit 89fb801. They are open_clip's figures, not
measured here. Licences of the weights: the model cards of the repositories that open_clip's table
names. Download size: parameters times four bytes, as the weights are published in float32.

MobileCLIP would be the fastest (and open_clip loads it by name), but its weights are under a
licence of Apple's own and open_clip publishes no retrieval recall of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Recall:
    """Published zero-shot recall at 1 and 5, between 0 and 1, with the test set it was taken on."""

    test_set: str
    text_to_image: tuple[float, float]
    image_to_text: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Preset:
    """A model with what one wants to know before choosing it.

    `extra` names the optional dependency of Pixtrieve that its tokenizer needs, empty if none;
    `image_gflops` is the work for one picture: with it, speed on one machine scales.
    """

    name: str
    reference: str
    licence: str
    dim: int
    parameters_m: float
    image_gflops: float
    recall: tuple[Recall, ...]
    for_whom: str
    extra: str = ""

    @property
    def download_mb(self) -> int:
        """Return the size of the weights (float32) in megabytes."""
        return round(self.parameters_m * 4)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                name="default",
                reference="ViT-B-16/laion2b_s34b_b88k",
                licence="MIT",
                dim=512,
                parameters_m=149.62,
                image_gflops=35.13,
                recall=(
                    Recall("Flickr30k", (0.6984, 0.9038), (0.8630, 0.9790)),
                    Recall("MSCOCO", (0.4231, 0.6770), (0.5944, 0.8178)),
                ),
                for_whom="most people: English questions, a good answer at a bearable speed",
            ),
            Preset(
                name="fast",
                reference="ViT-B-32/laion2b_s34b_b79k",
                licence="MIT",
                dim=512,
                parameters_m=151.28,
                image_gflops=8.82,
                recall=(
                    Recall("Flickr30k", (0.6678, 0.8838), (0.8410, 0.9620)),
                    Recall("MSCOCO", (0.3934, 0.6543), (0.5632, 0.7984)),
                ),
                for_whom="large folders without a graphics card: a quarter of the default's work",
            ),
            Preset(
                name="multilingual",
                reference="ViT-B-16-SigLIP-i18n-256/webli",
                licence="Apache-2.0",
                dim=768,
                parameters_m=370.63,
                image_gflops=46.82,
                recall=(
                    Recall("Crossmodal-3600", (0.4407, 0.6554), (0.4894, 0.7081)),
                    Recall("Flickr30k", (0.7216, 0.9036), (0.8960, 0.9820)),
                    Recall("MSCOCO", (0.4492, 0.6948), (0.6448, 0.8434)),
                ),
                for_whom="questions in other languages than English",
                extra="transformers",
            ),
            Preset(
                name="best",
                reference="ViT-SO400M-14-SigLIP-384/webli",
                licence="Apache-2.0",
                dim=1152,
                parameters_m=877.96,
                image_gflops=670.35,
                recall=(
                    Recall("Flickr30k", (0.8296, 0.9610), (0.9430, 0.9970)),
                    Recall("MSCOCO", (0.5421, 0.7678), (0.7242, 0.8998)),
                ),
                for_whom="the best answers, given a graphics card: 19 times the default's work",
                extra="transformers",
            ),
        )
    }
)
