"""`explore`: a page of a run."""

import json
import re

import pytest


def content_of(path):
    text = path.read_text("utf-8")
    return json.loads(re.search(r'id="content">(.*?)</script>', text, re.S)[1])


def test_a_page_of_a_run_with_its_data(command, digits_run, tmp_path):
    given = ["--count", "50", "--examples", "2", "--split", "test"]
    result = command("explore", digits_run, *given)
    assert result.code == 0, result
    assert re.fullmatch(
        r"wrote page.html: 0\.\d MB, with 2 examples of the data\n", result.out
    )
    content = content_of(tmp_path / "page.html")
    assert content["title"] == digits_run.name
    assert content["map"]["count"] == 50 and content["examples"]["count"] == 2
    assert "50 test examples of digits" in content["map"]["note"]
    assert [one["name"] for one in content["attributes"]["vectors"]] == list("0123456789")
    assert content["notes"][0].startswith("Data: digits; licence: CC BY 4.0")


def test_fewer_examples_than_asked_for_are_counted(command, digits_run, tmp_path):
    result = command("explore", digits_run, "--count", "5")
    assert result.code == 0 and "with 5 examples of the data" in result.out, result
    assert content_of(tmp_path / "page.html")["examples"]["count"] == 5


def test_a_page_of_the_model_alone(command, digits_run, tmp_path):
    result = command("explore", digits_run, "--no-data", "--output", "new/alone.html")
    assert result.code == 0 and result.out.startswith("wrote new/alone.html"), result
    content = content_of(tmp_path / "new/alone.html")
    assert content["map"]["count"] == 0 and content["attributes"] is None


@pytest.mark.parametrize(
    "given, words",
    [
        (["--output", "page.png"], "--output must end in .html"),
        (["--data", "digits", "--no-data"], "Give --data or --no-data, not both"),
    ],
)
def test_what_is_refused(command, digits_run, given, words):
    result = command("explore", digits_run, *given)
    assert result.code == 2 and words in result.err
