"""What may be asked for."""

from __future__ import annotations

import pytest

from iqf_core import IqfError, ParameterError
from iqf_metrics_sharpness.options import EdgeOptions

LIMITS = {
    "window": (9, 41, 2),
    "edge_length": (5, 31, 2),
    "min_r2": (0.5, 1.0, 0.01),
    "max_sigma": (0.5, 5.0, 0.01),
    "reach": (4.0, 40.0, 0.01),
}


@pytest.mark.parametrize(("name", "limits"), LIMITS.items())
def test_both_ends_of_a_range_are_in_it_and_what_is_beyond_is_not(name, limits):
    low, high, step = limits
    for value in (low, high):
        assert getattr(EdgeOptions.checked(**{name: value}), name) == value
    for value in (low - step, high + step):
        with pytest.raises(ParameterError, match=f"^sharpness: {name}: "):
            EdgeOptions.checked(**{name: value})


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("min_contrast", 1e-6, 0),
        ("min_contrast", None, float("inf")),
        ("min_edge_snr", 4.0, 3.99),
        ("min_edge_snr", 1e6, float("nan")),
        ("max_edges", 10, 9),
        ("max_edges", 10**6, 10.5),
    ],
)
def test_open_ranges(name, good, bad):
    assert getattr(EdgeOptions.checked(**{name: good}), name) == good
    with pytest.raises(ParameterError, match=name):
        EdgeOptions.checked(**{name: bad})


@pytest.mark.parametrize("name", ["window", "edge_length"])
def test_an_even_size_has_no_middle(name):
    with pytest.raises(ParameterError, match=f"{name} must be odd, got 12"):
        EdgeOptions.checked(**{name: 12})


@pytest.mark.parametrize("bad", [{"windw": 13}, {"window": "13"}, {"window": 13.5}, {"window": True}])
def test_unknown_names_and_wrong_types(bad):
    with pytest.raises(ParameterError, match=next(iter(bad))) as caught:
        EdgeOptions.checked(**bad)
    assert isinstance(caught.value, IqfError)


def test_every_wrong_one_is_named():
    with pytest.raises(ParameterError, match=r"window.*min_r2"):
        EdgeOptions.checked(window=7, min_r2=2.0)


def test_half_a_window_reaches_to_the_rim_of_its_last_pixel():
    assert EdgeOptions(window=13).half == 6.5


def test_options_stay_what_they_are():
    with pytest.raises(ValueError, match="frozen"):
        EdgeOptions().window = 15
