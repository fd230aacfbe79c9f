"""How ground truth lies on disk: the contract, and the formats of iquaflow's conventions."""

from iqf_core.formats.base import DatasetFormat, Moves, finder
from iqf_core.formats.classes import ClassesFormat
from iqf_core.formats.coco import CocoFormat
from iqf_core.formats.geojson import GeoJsonFormat
from iqf_core.formats.masks import MasksFormat
from iqf_core.formats.other import FolderFormat, OtherJsonFormat

__all__ = [
    "ClassesFormat",
    "CocoFormat",
    "DatasetFormat",
    "FolderFormat",
    "GeoJsonFormat",
    "MasksFormat",
    "Moves",
    "OtherJsonFormat",
    "finder",
]
