"""Which models know more than English, as far as their names tell."""

from __future__ import annotations

from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import BUILT_IN
from retrieval.encoders.models.registry import install_line

_MANY = ("xlm-roberta", "i18n", "siglip2", "nllb", "mt5", "multilingual", "worldwide")


def knows_many(reference: str) -> bool | None:
    """Tell whether a model was trained on many languages; None for a checkpoint of one's own."""
    name = reference.partition("@")[0].lower()  # the name of a file tells nothing
    if any(word in name for word in _MANY):
        return True
    published = "/" in reference and not {":", "@"} & set(reference)
    return False if published or reference == BUILT_IN else None


def advice(reference: str) -> str:
    """Say what a person should know who asks a model in another language, "" when all is well."""
    if knows_many(reference) is not False:
        return ""
    preset = PRESETS["multilingual"]
    install = install_line(preset)
    needed = f"    {install}\n" if install else ""
    return (
        f"The library's model, {reference}, knows English only: other languages are guesswork. "
        f"For {preset.for_whom}:\n{needed}"
        f"    pixtrieve models fetch {preset.name}\n"
        f"    pixtrieve model use {preset.name}"
    )
