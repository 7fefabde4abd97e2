"""Parts as text: what is written is what is read."""

import pytest

from keras_vae.core.descriptions import describe, parse

# Text, and the dict that says the same.
SAME = [
    ("normal", {"name": "normal"}),
    ("conv_vae:latent_dim=40", {"name": "conv_vae", "latent_dim": 40}),
    ("conv_vae:filters=32-64", {"name": "conv_vae", "filters": [32, 64]}),
    ("conv_vae:filters=(32,)", {"name": "conv_vae", "filters": [32]}),
    ("a:b=-1,c=1e-05,d=2.5,e=3.0", {"name": "a", "b": -1, "c": 1e-5, "d": 2.5, "e": 3.0}),
    ("a:b=true,c=false,d=none", {"name": "a", "b": True, "c": False, "d": None}),
    ("a:range=(0.0, 1.0)", {"name": "a", "range": [0.0, 1.0]}),
    ("a:range=(-1, 1),b=x", {"name": "a", "range": (-1, 1), "b": "x"}),
    ("a:b=()", {"name": "a", "b": []}),
    (
        "learned:layer=(flow:num_layers=8,hidden_units=9-9),trainable=false",
        {
            "name": "learned",
            "layer": {"name": "flow", "num_layers": 8, "hidden_units": [9, 9]},
            "trainable": False,
        },
    ),
    (
        "a:b=(c:d=(e:f=1))",
        {"name": "a", "b": {"name": "c", "d": {"name": "e", "f": 1}}},
    ),
    ("learned:layer=flow", {"name": "learned", "layer": {"name": "flow"}}),
]


@pytest.mark.parametrize("text, same", SAME)
def test_text_and_dict_say_the_same(text, same):
    assert parse(text) == parse(same)
    assert describe(*parse(same)) == text
    for (_, one), (_, other) in zip(
        parse(text)[1].items(), parse(same)[1].items(), strict=True
    ):
        assert type(one) is type(other)


def test_spaces_and_large_letters_of_names_do_not_matter():
    spaced = " Conv_VAE : latent_dim = 40 , activation = ReLU "
    assert parse(spaced) == ("conv_vae", {"latent_dim": 40, "activation": "ReLU"})
    assert parse({"name": "Adam", "Beta": 1}) == ("adam", {"Beta": 1})


def test_words_are_words():
    arguments = parse("a:b=3d,c=1-a,d=(normal),e=-,f=1-,g=(1,a),h=2e")[1]
    assert arguments == dict(b="3d", c="1-a", d="normal", e="-", f="1-", g="1,a", h="2e")


@pytest.mark.parametrize(
    "identifier, words",
    [
        ("a:b", "'b' in 'a:b' is not ARG=VALUE"),
        ("a:b=", "'b=' in .* is not ARG=VALUE"),
        ("a:=1", "'=1' in .* is not ARG=VALUE"),
        ("a:b=1,b=2", "gives b twice"),
        ("a:b=(c", "parentheses in .* do not match"),
        ("a:b=c)", "parentheses in .* do not match"),
        ({"b": 1}, "dict of 'name' and arguments"),
        ({"name": 3}, "dict of 'name' and arguments"),
        ({"name": "a", "b c": 3}, "dict of 'name' and arguments"),
        ({"name": "a", "b": {"c": 1}}, "dict of 'name' and arguments"),
    ],
)
def test_what_cannot_be_read_is_refused(identifier, words):
    with pytest.raises(ValueError, match=words):
        parse(identifier)


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "true",
        "None",
        " x",
        "",
        "32-64",
        float("nan"),
        [[1], [2]],
        ["a", "b"],
        object(),
    ],
)
def test_what_would_be_read_as_another_thing_is_not_written(value):
    with pytest.raises(ValueError, match="cannot be written|is not ARG=VALUE"):
        describe("a", {"b": value})
