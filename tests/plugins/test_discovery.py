from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from iqf_core.plugins.discovery import discover
from iqf_core.plugins.policy import normalised

SOURCE = "raise SystemExit('discovery must not import')"


def found(prefix: str = "iqf-t") -> list[tuple[str, str, str]]:
    return [
        (f.distribution, f.version, f.entry_point)
        for f in discover()
        if normalised(f.distribution).startswith(prefix)
    ]


def test_the_core_comes_first_and_the_rest_is_sorted(site: Any) -> None:
    site.add("iqf-tb", SOURCE)
    site.add("iqf-ta", SOURCE)
    site.add("acme-filters", SOURCE)
    assert discover()[0].value == "iqf_core.builtins"
    assert found() == [("iqf-ta", "1.0", "iqf-ta"), ("iqf-tb", "1.0", "iqf-tb")]


def test_two_distributions_with_one_entry_name_are_both_there(site: Any) -> None:
    site.add("iqf-ta", SOURCE, entry="same")
    site.add("iqf-tb", SOURCE, entry="same")
    assert found() == [("iqf-ta", "1.0", "same"), ("iqf-tb", "1.0", "same")]


def test_several_entries_of_one_distribution_are_all_there(site: Any) -> None:
    site.add("iqf-ta", SOURCE, entry_points="[iqf]\none = a\ntwo = b\none = a\n[other]\nthree = c\n")
    assert found() == [("iqf-ta", "1.0", "one"), ("iqf-ta", "1.0", "two")]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_distribution_seen_twice_is_there_once_as_imports_see_it(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    site.add("iqf-ta", SOURCE, version=version)
    behind = type(site)(tmp_path / "behind")
    behind.add(
        "iqf_TA", SOURCE, version="1.0", entry_points="[iqf]\nold = old\n" if version == "2.0" else None
    )
    if version == "1.0":  # the same entry again, under another spelling of the name
        (behind.folder / "iqf_TA-1.0.dist-info" / "entry_points.txt").write_text(
            (site.folder / "iqf_ta-1.0.dist-info" / "entry_points.txt").read_text()
        )
    monkeypatch.setattr("sys.path", [str(site.folder), str(behind.folder), *sys.path[1:]])
    assert found() == [("iqf-ta", version, "iqf-ta")]


def test_malformed_metadata_hurt_their_own_distribution_only(site: Any) -> None:
    site.add("iqf-ta", SOURCE, entry_points="[iqf]\nno equals sign here\n")
    site.add("iqf-tb", SOURCE)
    (site.folder / "iqf_tc-1.0.dist-info").mkdir()
    (site.folder / "iqf_tc-1.0.dist-info" / "entry_points.txt").write_text("[iqf]\niqf-tc = iqf_tc\n")
    (site.folder / "other-1.0.dist-info").mkdir()
    (site.folder / "other-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe[iqf]")
    assert ("iqf-tb", "1.0", "iqf-tb") in found()
    faults = [f.fault for f in discover() if f.fault]
    assert len(faults) == 2
    assert all(str(site.folder) in fault for fault in faults)


def test_the_standard_way_would_have_died_of_it(site: Any) -> None:
    site.add("iqf-ta", SOURCE, entry_points="[iqf]\nno equals sign here\n")
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one differs between versions of Python
        list(importlib.metadata.entry_points(group="iqf"))
