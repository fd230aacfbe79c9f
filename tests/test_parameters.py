from __future__ import annotations

import json
import pickle
from typing import ClassVar, Literal

import numpy as np
import pydantic
import pytest
import yaml

from iqf_core.errors import ParameterError
from iqf_core.parameters import Parametrised, parse_call, parse_spec


class Thing(Parametrised):
    name: ClassVar[str] = "thing"

    quality: int = pydantic.Field(75, ge=1, le=100)
    sigma: float = pydantic.Field(1.0, gt=0)
    window: tuple[int, ...] = ()
    mode: Literal["mild", "harsh"] = "mild"
    flag: bool = False


class Other(Parametrised):
    name: ClassVar[str] = "thing"

    quality: int = 75


class Needs(Parametrised):
    name: ClassVar[str] = "needs"

    level: int
    extra: float = 0.5


class Even(Parametrised):
    name: ClassVar[str] = "even"

    number: int = 0
    other: int = 0

    @pydantic.field_validator("number")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("Must be even")
        return value

    @pydantic.model_validator(mode="after")
    def _sum(self) -> Even:
        if self.number + self.other > 10:
            raise ValueError("number and other come to more than 10")
        return self


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"quality": True}, "quality=True"),
        ({"quality": "5"}, "quality='5'"),
        ({"quality": 5.0}, "quality=5.0"),
        ({"quality": 0}, "greater than or equal to 1"),
        ({"quality": None}, "quality=None"),
        ({"sigma": True}, "sigma=True"),
        ({"sigma": "1"}, "sigma='1'"),
        ({"sigma": float("nan")}, "finite"),
        ({"sigma": float("inf")}, "finite"),
        ({"flag": 1}, "flag=1"),
        ({"mode": "Mild"}, "'mild' or 'harsh'"),
        ({"window": {1, 2}}, "window={1, 2}"),
        ({"window": [1, "2"]}, "window.1='2'"),
    ],
)
def test_no_value_is_taken_for_another(parameters, said):
    with pytest.raises(ParameterError, match=r"^thing: ") as error:
        Thing(**parameters)
    assert said in str(error.value)


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(ParameterError, match=r"no parameter 'qualty'\. Did you mean 'quality'\?"):
        Thing(qualty=5)


@pytest.mark.parametrize("name", ["self", "name", "model_config", "__class__"])
def test_no_name_reaches_python_s_own(name):
    with pytest.raises(ParameterError, match=f"no parameter '{name}'"):
        Thing(**{name: 1})


def test_several_faults_are_all_said():
    with pytest.raises(ParameterError) as error:
        Thing(quality=0, sigma="x", nothing=1)
    assert all(word in str(error.value) for word in ("quality", "sigma", "nothing"))


def test_a_missing_parameter_is_named():
    with pytest.raises(ParameterError, match="needs: parameter 'level' is missing"):
        Needs()


def test_validators_speak_plainly():
    with pytest.raises(ParameterError, match=r"^even: number=3: must be even$"):
        Even(number=3)
    with pytest.raises(ParameterError, match=r"^even: number and other come to more than 10$"):
        Even(number=6, other=6)


def test_instances_are_immutable_and_compare_by_value():
    one, same, other = Thing(quality=5, window=[1, 2]), Thing(window=(1, 2), quality=5), Thing(quality=6)
    assert one == same
    assert hash(one) == hash(same)
    assert len({one, same, other}) == 2
    assert Thing(sigma=1) == Thing(sigma=1.0) == Thing()
    assert Thing() != Other()
    with pytest.raises(pydantic.ValidationError):
        one.quality = 6
    assert pickle.loads(pickle.dumps(one)) == one


def test_numpy_numbers_of_the_right_kind_are_numbers():
    assert Thing(sigma=np.float64(2)).spec() == {"thing": {"sigma": 2.0}}
    with pytest.raises(ParameterError):
        Thing(quality=np.float64(2))


def test_replaced_validates_again():
    assert Thing(quality=5).replaced(sigma=2.0) == Thing(quality=5, sigma=2.0)
    with pytest.raises(ParameterError):
        Thing().replaced(quality=0)


def test_parameters_are_those_that_differ_and_those_that_are_required():
    assert Thing().parameters() == {}
    assert Thing(quality=75, sigma=2.0).parameters() == {"sigma": 2.0}
    assert Needs(level=3).parameters() == {"level": 3}
    assert Needs(level=3).label == "needs-level3"


@pytest.mark.parametrize(
    ("thing", "label"),
    [
        (Thing(), "thing"),
        (Thing(quality=5, sigma=0.5), "thing-quality5-sigma0.5"),
        (Thing(sigma=2.0), "thing-sigma2"),
        (Thing(window=(3, 5)), "thing-window3x5"),
        (Thing(sigma=1e-7), "thing-sigma1e-07"),
    ],
)
def test_labels(thing, label):
    assert thing.label == label


def test_close_numbers_have_labels_of_their_own():
    assert Thing(sigma=0.12345678).label != Thing(sigma=0.12345679).label


@pytest.mark.parametrize(
    "thing", [Thing(), Thing(quality=5, sigma=0.1, window=[1, 2], mode="harsh", flag=True), Thing(window=[7])]
)
def test_what_is_written_is_read_again(thing):
    for way in (
        lambda value: yaml.safe_load(yaml.safe_dump(value)),
        lambda value: json.loads(json.dumps(value)),
    ):
        name, parameters = parse_spec(way(thing.spec()))
        assert name == "thing"
        assert Thing(**parameters) == thing
    name, parameters = parse_call(str(thing))
    assert Thing(**parameters) == thing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jpeg", ("jpeg", {})),
        (" jpeg ( ) ", ("jpeg", {})),
        ("dist-a:jpeg(quality=50)", ("dist-a:jpeg", {"quality": 50})),
        (
            "a(x=-1.5, y='b)c', z=[1, 2], w=None, v=True,)",
            ("a", {"x": -1.5, "y": "b)c", "z": [1, 2], "w": None, "v": True}),
        ),
        ("a(x='é # no comment')", ("a", {"x": "é # no comment"})),
    ],
)
def test_calls(text, expected):
    assert parse_call(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a(",
        "a(1)",
        "a(x=1) b",
        "a(x=1)(y=2)",
        "a(x=1).b(y=2)",
        "a(x=1)[0]",
        "a(x=1, x=2)",
        "a(**{'x': 1})",
        "a(*[1])",
        "a(x=y)",
        "a(x=1+y)",
        "a(x={[]: 1})",
        "a(x='\0')",
        "a(x=f'{1}')",
        "a(x=" + "-" * 20_000 + "1)",
        "a(" + "(" * 500 + ")" * 500 + ")",
        "a(x=50%)",
    ],
)
def test_what_is_no_call_is_refused(text):
    with pytest.raises(ParameterError, match="write it as name"):
        parse_call(text)


def test_nothing_is_evaluated(tmp_path):
    proof = tmp_path / "proof"
    for text in (
        f"a(x=open({str(proof)!r}, 'w'))",
        f"a(x=__import__('pathlib').Path({str(proof)!r}).touch())",
    ):
        with pytest.raises(ParameterError):
            parse_call(text)
    assert not proof.exists()


@pytest.mark.parametrize("spec", [{}, {"a": 1}, {"a": [1]}, {"a": {}, "b": {}}, 5, None, ["a"]])
def test_what_is_no_spec_is_refused(spec):
    with pytest.raises(ParameterError, match="cannot read"):
        parse_spec(spec)


def test_specs_of_yaml():
    assert parse_spec(yaml.safe_load("jpeg:")) == ("jpeg", {})
    assert parse_spec(yaml.safe_load("jpeg: {quality: 5}")) == ("jpeg", {"quality": 5})
    assert parse_spec({"jpeg": {1: 2}}) == ("jpeg", {"1": 2})
