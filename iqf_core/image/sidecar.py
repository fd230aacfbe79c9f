"""The GDAL sidecar (`.aux.xml`) of a container that has no place for a georeference, written by hand.

Opening a JPEG for update with GDAL, to let it write the sidecar, encodes the image again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from iqf_core.image.model import Geo, Image

_WORLD = {"PNG": (".pgw", ".pngw", ".wld", ".tab"), "JPEG": (".jgw", ".jpgw", ".jpegw", ".wld", ".tab")}


def sidecar_path(path: Path) -> Path:
    """Return where GDAL looks for the sidecar of an image."""
    return path.with_name(path.name + ".aux.xml")


def has_sidecar(path: Path, container: str) -> bool:
    """Whether a file beside a PNG or JPEG may hold its georeference, nodata value or mask."""
    beside = [sidecar_path(path), path.with_name(path.name + ".msk")]
    return any(file.exists() for file in (*beside, *(path.with_suffix(s) for s in _WORLD[container])))


def sidecar(image: Image, own: Mapping[str, str]) -> bytes | None:
    """Return the sidecar of an image, or None when there is nothing to say.

    Parameters
    ----------
    image : Image
        Its ``geo`` and ``nodata`` are written.
    own : mapping of str to str
        Tags of IQF's own namespace.
    """
    geo = image.geo or Geo()
    root = ET.Element("PAMDataset")
    _locate(root, geo)
    rpcs = {} if geo.rpcs is None else {"RPC": geo.rpcs.to_gdal()}
    _metadata(root, {**geo.tags, **rpcs, "IQF": own})
    for index in range(image.bands):
        band = ET.Element("PAMRasterBand", band=str(index + 1))
        _describe(band, geo, index, image.nodata)
        if len(band):
            root.append(band)
    if not len(root):
        return None
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    for ns in filter(_is_xml, geo.tags):  # spliced: ElementTree would move its name spaces to the root
        text = text.replace(f"@{ns}@", geo.tags[ns][ns])
    return text.encode()


def _is_xml(ns: str) -> bool:
    return ns.startswith("xml:")


def _locate(root: ET.Element, geo: Geo) -> None:
    wkt = geo.crs.to_wkt() if geo.crs else ""
    if geo.gcps:
        points = ET.SubElement(root, "GCPList", Projection=wkt)
        for gcp in geo.gcps:
            where = {"Pixel": gcp.col, "Line": gcp.row, "X": gcp.x, "Y": gcp.y, "Z": gcp.z or 0.0}
            text = {key: repr(float(value)) for key, value in where.items()}
            ET.SubElement(points, "GCP", {"Id": gcp.id or "", "Info": gcp.info or "", **text})
    elif wkt:
        ET.SubElement(root, "SRS").text = wkt
    if geo.transform is not None:
        numbers = geo.transform.to_gdal()
        ET.SubElement(root, "GeoTransform").text = ", ".join(repr(float(number)) for number in numbers)


def _describe(band: ET.Element, geo: Geo, index: int, nodata: float | None) -> None:
    for element, values, default in (
        ("Description", geo.descriptions, None),
        ("UnitType", geo.units, None),
        ("Offset", geo.offsets, 0.0),
        ("Scale", geo.scales, 1.0),
        ("NoDataValue", (nodata,) * (index + 1), None),
    ):
        value = values[index] if values else None
        if value not in (None, "", default):
            ET.SubElement(band, element).text = value if isinstance(value, str) else repr(float(value or 0))
    _metadata(band, geo.band_tags[index] if geo.band_tags else {})


def _metadata(parent: ET.Element, namespaces: Mapping[str, Mapping[str, str]]) -> None:
    for ns, tags in namespaces.items():
        if not tags:
            continue
        metadata = ET.SubElement(parent, "Metadata", {"domain": ns} if ns else {})
        if _is_xml(ns):
            metadata.set("format", "xml")
            metadata.text = f"@{ns}@"
            continue
        for key, value in tags.items():
            ET.SubElement(metadata, "MDI", key=key).text = value
