"""Which models understand other languages than English, judged by their names."""

from __future__ import annotations

from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import BUILT_IN
from retrieval.encoders.models.registry import install_line

_MANY = ("xlm-roberta", "i18n", "siglip2", "nllb", "mt5", "multilingual", "worldwide")


def is_multilingual(reference: str) -> bool | None:
    """Return whether a model was trained on many languages; None for an unknown checkpoint."""
    name = reference.partition("@")[0].lower()  # the name of a file means nothing
    if any(word in name for word in _MANY):
        return True
    published = "/" in reference and not {":", "@"} & set(reference)
    return False if published or reference == BUILT_IN else None


def advice(reference: str) -> str:
    """Return advice for searching in another language than English, "" for other models."""
    if is_multilingual(reference) is not False:
        return ""
    preset = PRESETS["multilingual"]
    install = install_line(preset)
    needed = f"    {install}\n" if install else ""
    return (
        f"The library's model, {reference}, knows English only; results for other languages are "
        f"unreliable. For {preset.for_whom}:\n{needed}"
        f"    pixtrieve models fetch {preset.name}\n"
        f"    pixtrieve model use {preset.name}"
    )
