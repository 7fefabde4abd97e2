"""Tables: what their columns are taken for, and their numbers in a model."""

import datetime
import json
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import keras_vae
from keras_vae import layers
from keras_vae.data import Preprocessor, load
from keras_vae.data.tables import (
    Column,
    as_text,
    describe_columns,
    infer_columns,
    infer_labels,
    likelihood_of,
    read_frame,
    to_codes,
    to_frame,
)

RNG = np.random.default_rng(0)
N = 60
SERIES = {
    "real": RNG.normal(size=N).round(2),
    "positive": np.exp(3 * RNG.normal(size=N)),
    "whole": RNG.integers(17, 91, N),
    "count": np.minimum(RNG.poisson(12.0, N), 999) * (np.arange(N) > 3),
    "category": RNG.choice(["red", "green", "blue"], N),
    "ordinal": pd.Categorical(
        RNG.choice(["S", "M", "L"], N), ["S", "M", "L"], ordered=True
    ),
    "date": pd.date_range("2020-02-27", periods=N, freq="D"),
    "identifier": [f"row {i} of them" for i in range(N)],
    "constant": ["here"] * N,
}
# Others of each kind.
MORE = {
    "real": [RNG.normal(size=N) * 1e12, np.linspace(-1, 1, N)],
    "positive": [np.exp(4 * RNG.normal(size=N)).round(6) + 1e-6],
    "whole": [RNG.integers(-500, 500, N), 1000 * RNG.integers(100, 900, N)],
    "count": [RNG.integers(0, 40, N) * (np.arange(N) > 0)],
    "category": [
        RNG.integers(0, 5, N),
        RNG.random(N) < 0.5,
        RNG.choice(["00300", "02208", "11111"], N),
        RNG.choice(["30-34", "35-39"], N),
    ],
    "date": [
        [f"2021-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(N)],
        pd.date_range("2021-03-05", periods=N).strftime("%m/%d/%Y"),
    ],
    "identifier": [np.arange(N) + 7, 530_101 + 13 * RNG.permutation(N * 100)[:N]],
    "constant": [[None] * N, [4.5, None] * (N // 2)],
}
CASES = [(kind, SERIES[kind]) for kind in SERIES]
CASES += [(kind, one) for kind, many in MORE.items() for one in many]
every_case = pytest.mark.parametrize("kind, values", CASES)


def frame(**more):
    return pd.DataFrame({**SERIES, **more})


@every_case
def test_the_kind_is_found_out(kind, values):
    (column, _) = infer_columns(pd.DataFrame({"a": values, "b": SERIES["real"]}))
    assert column.kind == kind
    assert Column.from_config(column.to_config()) == column


@every_case
def test_numbers_and_back_change_nothing(kind, values):
    before = pd.DataFrame({"a": values, "b": SERIES["real"]})
    columns = infer_columns(before)
    after = to_frame(to_codes(before, columns), columns)
    if kind == "identifier":
        before = before[["b"]]
    if kind == "date":
        before["a"] = pd.to_datetime(before["a"])
    if kind == "constant":
        # A gap in a constant column says nothing either.
        before["a"] = columns[0].categories[0] if columns[0].categories else None
    pd.testing.assert_frame_equal(
        after, before, check_dtype=False, check_categorical=False, rtol=1e-9
    )


def test_gaps_stay_gaps():
    before = frame()
    before.iloc[::3] = None
    columns = infer_columns(before)
    codes = to_codes(before, columns)
    assert np.isnan(codes[::3]).all() and np.isfinite(codes[1::3]).all()
    after = to_frame(codes, columns)
    assert after.drop(columns="constant").iloc[::3].isna().all(axis=None)


def test_what_a_model_makes_is_brought_into_the_bounds_of_the_data():
    columns = infer_columns(frame())
    wild = RNG.normal(size=(50, 7)) * 1e6
    table = to_frame(wild, columns)
    again = to_codes(table, columns)
    assert np.isfinite(again).all()
    assert set(table["category"]) <= set(SERIES["category"])
    assert table["whole"].between(SERIES["whole"].min(), SERIES["whole"].max()).all()
    assert list(table.columns) == [name for name in SERIES if name != "identifier"]
    assert (table["real"].round(2) == table["real"]).all()


def test_columns_are_matched_by_name():
    columns = infer_columns(frame())
    codes = to_codes(frame(), columns)
    np.testing.assert_array_equal(to_codes(frame().iloc[:, ::-1], columns), codes)
    without = frame().drop(columns=["identifier", "constant"])
    np.testing.assert_array_equal(to_codes(without, columns), codes)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.drop(columns="whole"), "missing are whole"),
        (
            lambda t: t.rename(columns={"whole": "age"}),
            "missing are whole; unknown are age",
        ),
        (
            lambda t: t.assign(category="violet"),
            "'violet', which the training data did not",
        ),
        (lambda t: t.assign(real="many"), "'many', which is not a finite number"),
        (lambda t: t.assign(real=np.inf), "'inf', which is not a finite number"),
        (lambda t: t.assign(date="soon"), "holds a value that is not a date"),
    ],
)
def test_tables_of_other_columns_or_values_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        to_codes(change(frame()), infer_columns(frame()))


@pytest.mark.parametrize(
    "given, words",
    [
        ({"real": "words"}, "kind of column 'real'"),
        ({"reel": "real"}, "column 'reel'. Did you mean 'real'"),
        ({"category": "real"}, "must be real, but holds '"),
        ({"real": "count"}, "must be count, but holds"),
        ({"real": "positive"}, "must be positive, but holds -"),
        ({name: "identifier" for name in SERIES}, "is left to learn: identifier .left out"),
        ({"whole": "date"}, r"the number \d+, which is not a date"),
        ({"empty": "count"}, "'empty' must be count, but all its cells are empty"),
        ({"empty": "date"}, "'empty' must be date, but all its cells are empty"),
        ({"empty": "category"}, "'empty' must be category, but all its cells are empty"),
        ({"real": 5}, "'real' was given 5. Give its kind"),
        (
            {"real": {"kind": "real", "day_first": True}},
            "given day_first, but not the kind",
        ),
        (
            {"category": {"kind": "category", "categorys": ["a"]}},
            "Did you mean 'categories'",
        ),
        ({"category": {"categories": ["a"]}}, "but not the kind category or ordinal"),
        (
            {"category": {"kind": "ordinal", "categories": "abc"}},
            "different values, but are",
        ),
        ({"category": {"kind": "ordinal", "categories": ["a", "a"]}}, "list of different"),
        ({"category": {"kind": "ordinal", "categories": []}}, "list of different values"),
    ],
)
def test_kinds_that_cannot_be_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        infer_columns(frame(empty=None), given)


@pytest.mark.parametrize("kind", [None, "real", "constant"])
def test_infinite_numbers_are_refused(kind):
    table = frame(endless=[np.inf, None] * (N // 2))
    with pytest.raises(ValueError, match="'endless' holds infinite numbers"):
        infer_columns(table, {"endless": kind} if kind else None)
    (*_, column) = infer_columns(table, {"endless": "identifier"})
    assert not column.is_modelled


def test_labels_of_one_day_or_without_values_are_no_error():
    table = pd.DataFrame({"day": [pd.Timestamp("2021-03-05")] * 3, "kind": [None] * 3})
    day, kind = infer_labels(table, {"kind": "category"})
    assert (day.kind, kind.kind, kind.categories) == ("date", "category", ())


def test_a_column_of_one_day_is_saved_and_no_category():
    table = frame(day=pd.Timestamp("2021-03-05"))
    (*_, column) = infer_columns(table)
    assert column.kind == "constant" and json.loads(json.dumps(column.to_config()))
    with pytest.raises(ValueError, match="must be category, but holds dates"):
        infer_columns(table, {"day": "category"})


DAYS = [datetime.date(2021, 3, 1 + i % 3) for i in range(N)]
AS_OTHERS_GIVE_THEM = [
    ("real", [Decimal(i) / 7 for i in range(N)]),
    ("real", pd.Series([0.5, None, *SERIES["real"][2:]], dtype=object)),
    ("category", [Decimal(i % 3) for i in range(N - 1)] + [None]),
    ("date", DAYS),
    ("date", pd.Categorical(pd.to_datetime(DAYS))),
]


@pytest.mark.parametrize("kind, values", AS_OTHERS_GIVE_THEM)
def test_numbers_and_dates_of_python_are_those_of_pandas(kind, values):
    table = pd.DataFrame({"a": values})
    (column,) = infer_columns(table)
    assert column.kind == kind
    assert Column.from_config(json.loads(json.dumps(column.to_config()))) == column
    codes = to_codes(table, [column])
    np.testing.assert_array_equal(to_codes(to_frame(codes, [column]), [column]), codes)


STRANGE = {
    "bytes": [b"a", b"b"],
    "lists": [[1], [2]],
    "spans": pd.to_timedelta([1, 2], unit="h"),
    "intervals": pd.cut([1.0, 2.0], 2),
}


@pytest.mark.parametrize("name", STRANGE)
def test_cells_of_other_types_are_refused_or_left_out(name):
    table = pd.DataFrame({"a": STRANGE[name], "b": [0.5, 1.5]})
    with pytest.raises(ValueError, match="cells must be text, numbers"):
        infer_columns(table)
    assert to_codes(table, infer_columns(table, {"a": "identifier"})).shape == (2, 1)


@pytest.mark.parametrize("mark", ["", "?", " ?"])
@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_marks_are_gaps_in_frames_as_in_files(tmp_path, mark, dtype):
    words = pd.Series(["red", mark, "blue", "green"] * 10, dtype=dtype)
    texts = np.where(np.arange(40) % 4 == 1, mark, [f"{i / 3:.3f}" for i in range(40)])
    mixed = [1.5, 2.25, mark, -4.125] * 10
    given = pd.DataFrame({"a": words, "b": mixed})
    # Numbers of this type are classes.
    if dtype != "category":
        given["c"] = pd.Series(texts, dtype=dtype)
    given.to_csv(tmp_path / "own.csv", index=False)
    file, frame = load(tmp_path / "own.csv"), load(given)
    assert frame.columns == file.columns
    np.testing.assert_array_equal(frame.x_train, file.x_train)
    assert np.isnan(frame.x_train).mean() > 0.2


def test_a_class_called_none_stays_a_class():
    ranks = pd.Categorical(["none", "mild", None] * 9, ["none", "mild"], ordered=True)
    table = pd.DataFrame({"a": ["none", "na", "?"] * 9, "b": ranks})
    columns = infer_columns(table)
    assert [one.categories for one in columns] == [("na", "none"), ("none", "mild")]
    assert np.isnan(to_codes(table, columns)).mean() == pytest.approx(1 / 3)


@pytest.mark.parametrize("values", [[1, "b", 2, "b", 3], [True, "b", None, False]])
def test_text_beside_other_cells_is_refused(values):
    # Names of rows are not their numbers.
    table = pd.DataFrame({"a": values}, index=list("vwxyz")[: len(values)])
    with pytest.raises(ValueError, match=r"'a' holds 'b' \(row 2\)"):
        infer_columns(table)


@pytest.mark.parametrize(
    "names, words",
    [
        (["a", "a"], "Several columns are called 'a'"),
        ([1.5, 2.5], "must be text or whole numbers, but one is 1.5"),
        (pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]), "one is .'a', 'b'."),
    ],
)
def test_names_that_cannot_be_are_refused(names, words):
    with pytest.raises(ValueError, match=words):
        load(pd.DataFrame(np.eye(2), columns=names))


# Alone, the new one looks like a number or a boolean.
@pytest.mark.parametrize("other, new", [("01", "10"), ("B", "1"), ("maybe", "True")])
def test_classes_that_are_text_stay_text_in_new_tables(other, new, tmp_path):
    table = pd.DataFrame({"b": np.arange(20) / 3, "a": [other, new] * 10})
    table["k"] = table["a"]
    table.to_csv(tmp_path / "old.csv", index=False)
    table[1::2].to_csv(tmp_path / "new.csv", index=False)
    old = load(tmp_path / "old.csv", label="k")
    found = load(tmp_path / "new.csv", columns=old.columns, label=old.labels, cut=False)
    place = old.columns[1].categories.index(new)
    assert set(found.x_test[:, 1]) == set(found.y_test) == {place}


def test_loading_leaves_a_frame_as_it_was():
    table = pd.DataFrame(RNG.integers(0, 256, (40, 3)).astype(np.uint8))
    before = table.copy()
    load(table, levels=(0, 255))
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    "training, day_first, new",
    [
        (["05/03/2021", "25/12/2021"], True, "06/03/2021"),
        (["05.03.2021", "04.03.2021"], True, "06.03.2021"),
        (["05/03/2021", "04/03/2021"], {"kind": "date", "day_first": True}, "06/03/2021"),
        (["05/03/2021", "25/12/2021"], True, "2021-03-06"),
        (["03/05/2021", "12/25/2021"], False, "03/06/2021"),
        (["03/05/2021", "03/04/2021"], False, "03/06/2021"),
        (["2021-03-05", "2021-03-04"], False, "2021-03-06"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_dates_are_read_as_those_of_the_training_data(training, day_first, new):
    # The sixth of March, alone in its table.
    days = pd.DataFrame({"a": training * 20})
    given = {"a": "date" if isinstance(day_first, bool) else day_first}
    (column,) = infer_columns(days, given)
    assert column.day_first == bool(day_first)
    codes = to_codes(pd.DataFrame({"a": [new]}), [column])
    assert pd.Timestamp(codes[0, 0], unit="D") == pd.Timestamp("2021-03-06")
    dates = pd.Series([pd.Timestamp("2021-03-06")])
    assert as_text(dates, pd.Series([None, new]), column.day_first)[0] == new


def test_kinds_can_be_given():
    order = {"kind": "ordinal", "categories": ["blue", "green", "red"]}
    given = {"whole": "count", "category": order, "count": "category"}
    columns = {one.name: one for one in infer_columns(frame(), given)}
    assert columns["whole"].kind == "count" and columns["count"].kind == "category"
    assert columns["category"].categories == ("blue", "green", "red")
    assert "ordinal: category (3), ordinal (3)" in describe_columns(columns.values())


def test_the_likelihood_has_a_distribution_for_each_column():
    columns = infer_columns(frame())
    codes = to_codes(frame(), columns)
    layer = layers.get(likelihood_of(columns, codes))
    assert layer.event_shape == (7,)
    params = layer.marginal_params(codes)
    draws = layer.distribution(params[np.newaxis]).sample(200, seed=1)[:, 0]
    assert layer.support.contains(draws.numpy()).all()


def test_the_preprocessor_reads_and_writes_tables(tmp_path):
    frame().to_csv(tmp_path / "own.csv", index=False)
    data = load(tmp_path / "own.csv", columns={"ordinal": "ordinal"})
    layer = layers.get(data.likelihood)
    prepare = Preprocessor.fit(data, layer.support)
    assert Preprocessor.from_config(prepare.get_config()) == prepare
    codes = prepare.codes(read_frame(tmp_path / "own.csv"))
    units = prepare(codes)
    real = [
        i
        for i, c in enumerate(c for c in data.columns if c.is_modelled)
        if c.kind in ("real", "date")
    ]
    assert np.abs(units[:, real].mean(axis=0)).max() < 0.5
    np.testing.assert_allclose(prepare.inverse(units), codes, rtol=1e-5, atol=1e-3)


def test_a_frame_is_loaded_trained_on_and_answered_with():
    table = frame()
    table.loc[::5, "real"] = None
    data = load(table)
    pd.testing.assert_frame_equal(table, frame().assign(real=table["real"]))
    vae = keras_vae.DenseVAE(data.event_shape, 2, data.likelihood, (8,), gaps="mask")
    vae.preprocessor = Preprocessor.fit(data, vae.support)
    vae.start_from(vae.to_units(data.x_train))
    vae.compile("adam", run_eagerly=True)
    vae.fit(table, verbose=0)
    assert list(vae.sample(3).columns) == [name for name in SERIES if name != "identifier"]
    assert vae.reconstruct(table)["whole"].between(17, 90).all()
    assert np.isfinite(vae.elbo(table)).all() and vae.embed(table.iloc[::-1]).shape == (
        N,
        2,
    )
    np.testing.assert_allclose(vae.embed(table.iloc[:, ::-1]), vae.embed(table))


def test_a_label_column_is_taken_out(tmp_path):
    frame().to_csv(tmp_path / "own.csv", index=False)
    data = load(tmp_path / "own.csv", label="category")
    assert data.label_names == ("blue", "green", "red") and len(data.columns) == 8
    x, y = data.split("all")
    assert len(x) == len(y) == N
    with pytest.raises(ValueError, match="label column 'colour'"):
        load(tmp_path / "own.csv", label="colour")
    for several in ("category, whole", ("category", "whole,category")):
        labels = load(tmp_path / "own.csv", label=several).labels
        assert [one.name for one in labels] == ["category", "whole"]


def test_parquet_is_read_where_pyarrow_is_there(tmp_path):
    pytest.importorskip("pyarrow")
    frame().to_parquet(tmp_path / "own.parquet")
    kinds = [one.kind for one in load(tmp_path / "own.parquet").columns]
    assert kinds == list(SERIES)


TABLES = Path(os.getenv("KERAS_VAE_DATA", "none")) / "tables"
KINDS_OF = {
    "adult_train": {"age": "whole", "workclass": "category", "capital_gain": "whole"},
    "horse_colic": {"2": "identifier", "3": "real", "24": "category"},
    "auto_imports": {"2": "category", "25": "whole", "9": "real"},
    "abalone": {"0": "category", "1": "real", "8": "whole"},
    "winequality_white": {"0": "real", "11": "category"},
}


@pytest.mark.skipif(not TABLES.is_dir(), reason="needs tables in $KERAS_VAE_DATA")
@pytest.mark.parametrize("name", KINDS_OF)
def test_real_tables_are_read_as_people_mean_them(name):
    table = read_frame(TABLES / f"{name}.csv")
    columns = infer_columns(table)
    found = {str(one.name): one.kind for one in columns}
    assert KINDS_OF[name].items() <= found.items()
    codes = to_codes(table, columns)
    again = to_codes(to_frame(codes, columns), columns)
    np.testing.assert_allclose(again, codes, rtol=1e-9)
