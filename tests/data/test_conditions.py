"""Labels as a model's condition: names, numbers, gaps, several of them."""

import numpy as np
import pandas as pd
import pytest

from keras_vae.data import Conditions, DataSet, tables
from keras_vae.data.conditions import labels_of
from keras_vae.data.tables import Column

KIND = Column("kind", "category", ("bird", "cat", "dog"))
GRADE = Column("grade", "category", (3, 5, 9))
AGE = Column("age", "real", low=20.0, high=60.0)
SINCE = Column("since", "date", low=18_000.0, high=20_000.0)
NUMBERS = {0: "bird", 1: "cat", 2: "dog"}

CLASSES = {
    "places": np.array([2, 0, 1]),
    "unsigned places": np.array([2, 0, 1], np.uint8),
    "list of places": [2, 0, 1],
    "names": np.array(["dog", "bird", "cat"]),
    "list of names": ["dog", "bird", "cat"],
    "objects": np.array(["dog", "bird", "cat"], object),
    "a column": np.array([[2], [0], [1]]),
    "table": pd.DataFrame({"kind": ["dog", "bird", "cat"]}),
}


@pytest.mark.parametrize("form", CLASSES)
def test_classes_in_every_form_are_their_numbers(form):
    codes = Conditions([KIND]).codes(CLASSES[form])
    assert codes.tolist() == [2, 0, 1] and codes.dtype == np.int32
    assert Conditions([KIND]).codes(codes).tolist() == [2, 0, 1]


@pytest.mark.parametrize("one", ["dog", 2, {"kind": "dog"}, np.int64(2)])
def test_one_label_for_all(one):
    assert Conditions([KIND]).codes(one).tolist() == [2]


def test_classes_that_are_numbers_have_values_in_tables_and_words_and_else_places():
    grades = Conditions([GRADE])
    frame = pd.DataFrame({"grade": [9, 3, 5]})
    for y in (frame, ["9", "3", "5"], [2, 0, 1], np.array([2, 0, 1])):
        assert grades.codes(y).tolist() == [2, 0, 1]
    assert grades.codes(grades.read("9")).tolist() == [2]


UNKNOWN = {
    "none": ["dog", None],
    "empty": ["dog", ""],
    "minus one": np.array([2, -1]),
    "NaN": np.array([2.0, np.nan]),
    "pandas": pd.Series(["dog", None], dtype="string"),
    "table": pd.DataFrame({"kind": ["dog", None]}),
}


@pytest.mark.parametrize("form", UNKNOWN)
def test_unknown_classes_are_zeros_where_the_data_had_gaps_and_else_refused(form):
    codes = Conditions([KIND], gaps=True).codes(UNKNOWN[form])
    assert codes.tolist() == [[0, 0, 1], [0, 0, 0]]
    with pytest.raises(ValueError, match="kind is unknown"):
        Conditions([KIND]).codes(UNKNOWN[form])


def test_several_labels_are_one_vector():
    both = Conditions([KIND, AGE], gaps=True)
    assert both.shape == (5,)
    frame = pd.DataFrame({"age": [20.0, 50.0, None], "kind": ["cat", None, "dog"]})
    expected = [[0, 1, 0, -1, 1], [0, 0, 0, 0.5, 1], [0, 0, 1, 0, 0]]
    assert both.codes(frame).tolist() == expected
    # The same as numbers, and as what is coded already.
    assert both.codes(np.array([[1, 20], [np.nan, 50], [2, np.nan]])).tolist() == expected
    assert both.codes(both.codes(frame)).tolist() == expected
    assert both.codes(both.read("kind=cat,age=20")).tolist() == expected[:1]
    assert both.codes(both.read("age=50")).tolist() == expected[1:2]


DATES = {
    "numbers": np.array([18_500.0, np.nan]),
    "list of numbers": [18_500, None],
    "words": ["2020-08-26", None],
    "pandas": pd.Series(pd.to_datetime(["2020-08-26", None])),
    "table": pd.DataFrame({"since": ["2020-08-26", None]}),
}


@pytest.mark.parametrize("form", DATES)
def test_dates_are_days_in_every_form(form):
    since = Conditions([SINCE], gaps=True)
    assert since.codes(DATES[form]).tolist() == [[-0.5, 1.0], [0.0, 0.0]]
    assert since.codes(since.read("2020-08-26")).tolist() == [[-0.5, 1.0]]


@pytest.mark.parametrize("text", ["a, b", "c=d", "kind=e"])
def test_classes_may_hold_commas_and_equals_signs(text):
    assert Conditions([Column("kind", "category", ("a, b", "c=d", "e"))]).read(text) == {
        "kind": text.removeprefix("kind=")
    }


WRONG = {
    "no such class": ([KIND], "mouse", "Unknown kind 'mouse'.*bird, cat, dog"),
    "no such place": ([KIND], np.array([3]), "kind 3 does not exist.*0 to 2"),
    "half a class": ([KIND], np.array([0.5]), "kind 0.5 does not exist"),
    "a word for a number": ([AGE], ["old"], "age must be a number, not 'old'"),
    "one label of two": ([KIND, AGE], [1, 2, 3], "2 labels .* kind, age"),
    "an endless number": ([AGE], [np.inf], "age must be a finite number"),
    "an unknown column": ([KIND], pd.DataFrame({"kin": ["dog"]}), "missing are kind"),
}


def test_whole_numbers_beyond_the_training_data_are_the_same_in_every_form():
    years = Conditions([Column("age", "whole", low=17.0, high=90.0)])
    forms = [200], np.array([200.0]), {"age": 200}, pd.DataFrame({"age": [200]})
    codes = [years.codes(one) for one in forms]
    np.testing.assert_allclose(np.concatenate(codes)[:, 0], 2 * (200 - 17) / 73 - 1)


def test_a_label_that_is_always_empty_is_no_condition():
    x, y = np.ones((3, 2), "f4"), np.full((3, 1), np.nan)
    columns = tables.infer_labels(pd.DataFrame({"kind": [None, None]}))
    splits = ("train", "validation", "test")
    data = DataSet(
        name="made",
        likelihood="normal",
        labels=columns,
        **{f"{axis}_{one}": v for axis, v in (("x", x), ("y", y)) for one in splits},
    )
    with pytest.raises(ValueError, match="label kind is empty in all rows"):
        Conditions.of(data, "labels")


@pytest.mark.parametrize("what", WRONG)
def test_wrong_labels_are_refused(what):
    columns, y, message = WRONG[what]
    with pytest.raises(ValueError, match=message):
        Conditions(columns).codes(y)


@pytest.mark.parametrize(
    ("columns", "text", "message"),
    [
        ([KIND], "mouse", "Unknown kind 'mouse'"),
        ([KIND, AGE], "cat", "several labels: give kind=...,age=... instead of 'cat'"),
        ([KIND, AGE], "size=3", "Unknown label 'size'"),
        ([AGE], "old", "age must be a number, but is 'old'"),
    ],
)
def test_wrong_words_are_refused(columns, text, message):
    with pytest.raises(ValueError, match=message):
        Conditions(columns).read(text)


def test_settings_survive():
    both = Conditions([KIND, AGE], gaps=True)
    again = Conditions(**both.get_config())
    assert again.columns == both.columns and again.gaps and again.shape == both.shape


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 2_000_000_000]),
        np.array([-9, 4]),
        np.array([[0, 1], [2_000_000_000, 1]]),
    ],
)
def test_labels_that_are_no_classes_are_numbers_and_no_condition(y):
    splits = ("train", "validation", "test")
    parts = {f"x_{one}": np.zeros((2, 3)) for one in splits}
    parts |= {f"y_{one}": y for one in splits}
    data = DataSet(name="mine", likelihood="normal", **parts)
    table = labels_of(data, "test")
    np.testing.assert_array_equal(table.to_numpy(), y.reshape(2, -1))
    with pytest.raises(ValueError, match="at most 1000 classes from 0 on"):
        Conditions.of(data, "labels")
