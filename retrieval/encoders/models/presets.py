"""Four models to choose by purpose instead of by name.

Sources. Recall is zero-shot R@1, text to image, on the 5,000 pictures of COCO's test set, as
published; it is not measured here:
- PE-Core: README of facebookresearch/perception_models (apps/pe, commit 3e352cc), which gives no
  other recall. Apache-2.0 (LICENSE.PE).
- SigLIP 2: table 1 of arXiv 2502.14786, also for Crossmodal-3600 (mean of 36 languages), and README
  of google-research/big_vision (commit 0127fb6). Apache-2.0 (the repositories on the hub).
- SigLIP, LAION: open_clip's `docs/openclip_retrieval_results.csv`, and
  `docs/openclip_multilingual_retrieval_results.csv` for Crossmodal-3600 (commit 89fb801). Where
  both open_clip and the paper on SigLIP 2 measured a model (SigLIP B/16 to So400m), open_clip's
  recall is 0.6 to 2.2 points higher on COCO and 4 to 10 lower on Crossmodal-3600.
- MobileCLIP2: `results/` of apple/ml-mobileclip (commit 4144bb1), licence in LICENSE_MODELS.
- MetaCLIP 2: no recall was found except the paper's; licence in facebookresearch/MetaCLIP.

Parameters, embedding sizes and operations per picture: counted in open_clip 3.3's architectures,
by the method of its `docs/model_profile.csv`. Download: parameters times four bytes (float32).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

COCO, CROSSMODAL = "COCO", "Crossmodal-3600"
_PE, _SIGLIP2, _OPEN_CLIP, _APPLE = "Meta", "Google", "open_clip", "Apple"


@dataclass(frozen=True, slots=True)
class Recall:
    """Published zero-shot R@1, text to image, from 0 to 1, with its test set and its source."""

    test_set: str
    text_to_image: float
    source: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A recommended model with the facts for choosing it.

    `extra` names the extra of Pixtrieve that its tokenizer needs, empty if none. `image_gflops` is
    the computation for one picture; on one machine, the time scales with it. `parameters_m` are
    in millions.
    """

    name: str
    reference: str
    licence: str
    dim: int
    parameters_m: float
    image_gflops: float
    languages: str
    recall: tuple[Recall, ...]
    for_whom: str
    extra: str = ""

    @property
    def download_mb(self) -> int:
        """The size of the weights (float32) in megabytes."""
        return round(self.parameters_m * 4)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                name="default",
                reference="PE-Core-B-16/meta",
                licence="Apache-2.0",
                dim=1024,
                parameters_m=447.66,
                image_gflops=35.60,
                languages="English",
                recall=(Recall(COCO, 0.509, _PE),),
                for_whom="most people: English searches, good results at moderate speed",
            ),
            Preset(
                name="fast",
                reference="ViT-B-32-SigLIP2-256/webli",
                licence="Apache-2.0",
                dim=768,
                parameters_m=376.86,
                image_gflops=11.49,
                languages="many, English best",
                recall=(Recall(COCO, 0.472, _SIGLIP2), Recall(CROSSMODAL, 0.383, _SIGLIP2)),
                for_whom="large folders without a graphics card: a third of default's work",
                extra="transformers",
            ),
            Preset(
                name="multilingual",
                reference="ViT-B-16-SigLIP-i18n-256/webli",
                licence="Apache-2.0",
                dim=768,
                parameters_m=370.63,
                image_gflops=46.82,
                languages="many",
                recall=(Recall(COCO, 0.4492, _OPEN_CLIP), Recall(CROSSMODAL, 0.4407, _OPEN_CLIP)),
                for_whom="searches in languages other than English",
                extra="transformers",
            ),
            Preset(
                name="best",
                reference="PE-Core-L-14-336/meta",
                licence="Apache-2.0",
                dim=1024,
                parameters_m=671.14,
                image_gflops=384.36,
                languages="English",
                recall=(Recall(COCO, 0.571, _PE),),
                for_whom="the best results, with a graphics card: 11 times default's work",
            ),
        )
    }
)

RESEARCH_ONLY: Mapping[str, tuple[Recall, ...]] = MappingProxyType(
    {
        "MobileCLIP2-S2/dfndr2b": (Recall(COCO, 0.4882, _APPLE),),
        "MobileCLIP2-S4/dfndr2b": (Recall(COCO, 0.51451, _APPLE),),
        "ViT-H-14-worldwide-quickgelu/metaclip2_worldwide": (),
    }
)
"""Strong models whose licences forbid other than research or non-commercial use: not presets."""
