"""Laws of metrics of images: what they give, on what, and what must not change it."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping

from iqf_core.testing.attempts import require_same
from iqf_core.testing.law import BrokenLaw
from iqf_core.testing.metric_cases import MetricCase, Shown, copied, with_holes
from iqf_core.testing.values import (
    errors_are_breaches,
    goodness,
    listed,
    require_equal,
    require_missing,
    require_outputs,
    require_range,
    require_reasons,
    strictly,
)
from iqf_core.testing.written import require_survival

SINGLE = 1e-6  # relative: a metric may reckon in single precision


def works(case: MetricCase) -> None:
    """Every supported type and number of bands is measured, others are missing: no error, no warning."""
    for shown in (*case.all_shown, *case.others):
        with errors_are_breaches(str(shown)):
            case.values(shown)
    for shown in case.plain:
        _require_any(case.values(shown), shown)


def _require_any(values: object, shown: Shown) -> None:
    """At least one value: types and numbers of bands that are never measured must not be declared."""
    numbers = list(values.values()) if isinstance(values, Mapping) else []
    if numbers and all(isinstance(value, float) and math.isnan(value) for value in numbers):
        reason = getattr(numbers[0], "reason", "no reason given")
        raise BrokenLaw(f"nothing was measured: {reason} ({shown})")


def outputs_are_as_declared(case: MetricCase) -> None:
    """Exactly the declared outputs are given, each a number."""
    for shown in (*case.all_shown, *case.others):
        require_outputs(case.metric, case.values(shown), str(shown))


def values_are_in_range(case: MetricCase) -> None:
    """Every value lies inside the range that its output declares."""
    for shown in (*case.all_shown, *case.others, *case.blank, *case.flat):
        require_range(case.metric, case.values(shown), str(shown))


def missing_values_say_why(case: MetricCase) -> None:
    """A value that cannot be said is Missing with a reason, not a bare NaN."""
    for shown in (*case.all_shown, *case.others):
        require_reasons(case.values(shown), str(shown))


def identity_is_best(case: MetricCase) -> None:
    """Against itself an image is at least as good as any degraded one, in every output with a direction."""
    best = case.values(case.identity)
    for name, steps in case.degraded.items():
        for level, shown in steps:
            values = case.values(shown)
            for output in case.metric.outputs:
                if output.better == "none":
                    continue
                if not goodness(output, best[output.name]) >= goodness(output, values[output.name]):
                    raise BrokenLaw(
                        f"{output.name} is {float(best[output.name])!r} on the identity, and"
                        f" {float(values[output.name])!r} after {name} {level:g}; better is {output.better}"
                    )


def harm_worsens_what_claims_it(case: MetricCase) -> None:
    """Outputs worsen at every step of blur or noise that they are claimed for."""
    for name, output in case.claims():
        steps = [(0.0, case.identity), *case.degraded[name]]
        values = [float(case.values(shown)[output.name]) for _, shown in steps]
        good = [goodness(output, value) for value in values]
        if not all(later < earlier for earlier, later in itertools.pairwise(good)):
            along = ", ".join(f"{step[0]:g}: {value:.5g}" for step, value in zip(steps, values, strict=True))
            raise BrokenLaw(f"along {name} {output.name} is {along}; better is {output.better}")


def an_empty_image_says_why(case: MetricCase) -> None:
    """Without a valid sample all is Missing; without contrast what is, says why; never a warning."""
    for shown in (*case.blank, *case.flat):
        told = f"{'all nodata' if shown in case.blank else 'no contrast'}: {shown}"
        with strictly(told):
            values = case.values(shown)
        require_reasons(values, told)
    for shown in case.blank:
        require_missing(case.metric, case.values(shown), case.always, f"all nodata: {shown}")


def nodata_does_not_count(case: MetricCase) -> None:
    """The values are the same whatever number stands for nodata, those aside that describe nodata."""
    for shown, marked in zip(case.few, case.with_nodata, strict=True):
        other = case.measured(shown.both(functools.partial(with_holes, which=1)))
        expected = {
            name: value for name, value in case.values(marked).items() if not listed(name, case.of_nodata)
        }
        require_equal(other, expected, f"another nodata value, another result ({shown})", relative=SINGLE)


def input_is_untouched(case: MetricCase) -> None:
    """The pixels that a metric is given are as before, those of the reference too."""
    for shown in (*case.plain, *case.with_nodata, *case.flat):
        given = case.given(shown)
        require_same(given.image, shown.image, "the image was written to")
        require_same(given.reference, shown.reference, "the reference was written to")


def same_image_same_values(case: MetricCase) -> None:
    """Measuring again gives the same values, to the last bit."""
    for shown in case.few:
        require_equal(case.measured(copied(shown)), case.values(shown), f"measured again ({shown})")


def parameters_survive_yaml(case: MetricCase) -> None:
    """What a study file says of it makes an equal one, with the same label."""
    require_survival(case.metric)
