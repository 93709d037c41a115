"""Which file extensions are pictures, and which of them are supported.

The extension only decides whether a file is opened. Its content decides how it is decoded.
"""

from __future__ import annotations

from retrieval.images.videos.containers import ENDINGS, EXTENSIONS, MISSING, can_read

_READABLE = frozenset(
    {
        "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "gif", "tif", "tiff",
        "bmp", "dib", "pnm", "pbm", "pgm", "ppm", "pfm", "jp2", "j2k", "j2c", "jpc", "jpf", "jpx",
        "avif", "avifs", "heic", "heics", "heif", "heifs", "hif",
        "arw", "cr2", "cr3", "dng", "nef", "nrw", "orf", "pef", "raf", "rw2", "rwl", "srw",
    }
)  # fmt: skip

_RAW = frozenset(
    {
        "ARW", "CR2", "CR3", "DNG", "NEF", "NRW", "ORF", "PEF", "RAF", "RAW", "RW2", "RWL", "SRW",
    }
)  # fmt: skip

_ENDINGS = {
    "JPEG": "jpg jpeg jpe jfif mpo",
    "PNG": "png apng",
    "WEBP": "webp",
    "GIF": "gif",
    "TIFF": "tif tiff " + " ".join(sorted(_RAW)).lower(),
    "BMP": "bmp dib",
    "DIB": "dib",
    "PPM": "ppm pgm pbm pnm pfm",
    "JPEG2000": "jp2 j2k j2c jpc jpf jpx",
    "AVIF": "avif avifs",
    "HEIF": "heic heics heif heifs hif",
    **ENDINGS,
}

_UNREADABLE_BY_NAME = {
    "Photoshop": "psd psb",
    "GIMP": "xcf",
    "Krita": "kra",
    "OpenRaster": "ora",
    "Affinity Photo": "afphoto",
    "Procreate": "procreate",
    "SVG": "svg svgz",
    "Encapsulated PostScript": "eps",
    "Illustrator": "ai",
    "CorelDRAW": "cdr",
    "Windows metafile": "wmf emf",
    "camera raw": (
        "3fr ari bay braw cap crw dcr dcs drf eip erf fff gpr iiq k25 kdc mdc mef mos mrw ptx r3d "
        "raw rwz sr2 srf x3f"
    ),
    "JPEG XL": "jxl",
    "JPEG XR": "jxr wdp hdp",
    "lossless JPEG": "jls",
    "OpenEXR": "exr",
    "Radiance HDR": "hdr",
    "DICOM": "dcm",
    "FITS": "fit fits",
    "FlashPix": "fpx",
    "icon": "ico icns cur",
    "Targa": "tga icb vda vst",
    "texture": "dds blp ftc ftu ktx ktx2 pvr",
    "PCX": "pcx dcx",
    "Photo CD": "pcd",
    "PAM": "pam",
    "QOI": "qoi",
    "SGI": "sgi rgb rgba bw",
    "Sun raster": "ras",
    "X bitmap": "xbm xpm",
    "FLIC animation": "fli flc",
    "GIMP brush": "gbr",
    "Windows Paint": "msp",
    "IFUNC image": "im",
    "Palm": "palm",
    "PIXAR": "pxr",
}
_UNREADABLE = {
    extension: name
    for name, extensions in _UNREADABLE_BY_NAME.items()
    for extension in extensions.split()
}


def unsupported_reason(name: str) -> str | None:
    """Return "" for the name of a supported picture, None for a name that is not a picture's.

    Any other result is the reason for the owner: "Photoshop (PSD) files are not supported". A name
    without an extension is not a picture's.
    """
    stem, _, extension = name.rpartition(".")
    # A walk checks 100,000 names; os.path.splitext takes three times as long.
    extension = extension.lower() if stem.lstrip(".") else ""
    if extension in _READABLE:
        return ""
    if extension in EXTENSIONS:
        return "" if can_read() else MISSING
    kind = _UNREADABLE.get(extension)
    if kind is None:
        return None
    shown = kind if kind.lower() == extension else f"{kind} ({extension.upper()})"
    return f"{shown} files are not supported"


def named_as(name: str, format_name: str) -> str:
    """Return a name whose extension is one of a format: its own, or else the usual one."""
    endings = _ENDINGS[format_name].split()
    stem, _, extension = name.rpartition(".")
    if stem and extension.lower() in endings:
        return name
    return f"{stem if unsupported_reason(name) is not None else name}.{endings[0]}"


def is_video_name(name: str) -> bool:
    """Tell by its extension whether a file is a video."""
    return name.rpartition(".")[2].lower() in EXTENSIONS


def is_raw(format_name: str) -> bool:
    """Tell whether a picture's `format` (`PictureInfo`) is a camera raw format."""
    return format_name in _RAW
