"""The one door: whatever is sent becomes a checked request or a refusal, and never anything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from werkplaats_spawners.language import speaking
from werkplaats_spawners.request import KEYS, Refused, ServerRequest, from_fields, from_options

#: One or more values of every type that JSON has.
JSON_VALUES: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "integer": [-1, 0, 1, 168, 169, 10**30],
    "number": [0.5, 1.0, -1e300, float("nan"), float("inf")],
    "string": ["", "x", "2", "true", "a\nb", "gpu-1", "a.ipynb", "\ud800"],
    "array": [[], ["gpu-1"], [[]]],
    "object": [{}, {"gpu-1": 1}],
}
#: For each key, the values of that table that are good; all others must be refused.
GOOD: dict[str, list[Any]] = {
    "flavour": ["gpu-1", "true"],
    "stream": ["gpu-1", "true"],
    "project": ["gpu-1", "true"],
    "hours": [1, 168],
    "lent": [True, False],
    "notebook": ["a.ipynb"],
}

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
plausible_text = st.text("ab1-_./ \n$(`;'\"\0é", max_size=12) | st.from_regex(r"[a-z./-]{1,20}(\.ipynb)?\n?")
options_of_any_kind = st.fixed_dictionaries(
    {}, optional={key: plausible_text | any_json | st.integers(0, 200) for key in KEYS}
)


def is_good(key: str, value: Any) -> bool:
    """Return whether the table says that a value is good: its type counts, as JSON has it."""
    return any(type(value) is type(good) and value == good for good in GOOD[key])


def test_the_table_covers_every_option() -> None:
    """A new option needs a line in the table of this test, and in the documentation of DESIGN.md."""
    assert set(KEYS) == set(GOOD) == {"flavour", "stream", "project", "hours", "lent", "notebook"}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", JSON_VALUES)
def test_every_type_for_every_option(key: str, kind: str) -> None:
    """An option takes one type, exactly: no text for a number, no 1 for true, no null for 'left out'."""
    for value in JSON_VALUES[kind]:
        answer = from_options({key: value})
        if is_good(key, value):
            assert isinstance(answer, ServerRequest), (key, value)
            assert getattr(answer, key) == value
        else:
            assert isinstance(answer, Refused), (key, value)
            assert (answer.reason, answer.status) == ("bad-option", 400)
            assert f"'{key}'" in answer.sentence


@pytest.mark.parametrize("options", [None, True, 7, 0.5, "gpu-1", [], ["flavour"], [{"flavour": "gpu-1"}]])
def test_options_that_are_no_object_are_refused(options: Any) -> None:
    """REST hands over any JSON value at all; only an object can be options."""
    answer = from_options(options)
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.status) == ("bad-options", 400)


@pytest.mark.parametrize(
    "key",
    ["gres", "options", "memory", "exec_prefix", "req_options", "batch_script", "Flavour", "flavour ", "",
     "__class__", "model_config", "opt-flavour", "_xsrf", "flavour\n"],
)  # fmt: skip
def test_an_unknown_option_is_refused_by_name(key: str) -> None:
    """What is not an option is refused, never passed over, by REST and by the form."""
    for answer in (from_options({key: "x"}), from_fields({key: ["x"]})):
        assert isinstance(answer, Refused)
        assert (answer.reason, answer.status) == ("unknown-option", 400)
        assert all(known in answer.sentence for known in KEYS)


def test_a_refusal_repeats_no_control_characters_and_no_novel() -> None:
    """What comes back in the sentence is short and can be shown anywhere."""
    answer = from_options({"\x1b[31m\r\n" + "x" * 500: 1})
    assert isinstance(answer, Refused)
    assert answer.sentence.isprintable()
    assert len(answer.sentence) < 250


def test_a_refusal_says_what_a_good_value_is() -> None:
    """The sentence is for the person who typed the value: what it must be, and not what a parser met."""
    with speaking("en"):
        answer = from_options({"hours": 0})
    assert isinstance(answer, Refused)
    assert answer.sentence == "'hours' must be a whole number of hours, from 1 to 168."


NOTEBOOKS = {
    "a.ipynb": True,
    "voorbeelden/first_steps/eerste-stappen.ipynb": True,
    "a/.checkpoints/b.ipynb": True,
    "_a/b..c.ipynb": True,
    "": False,
    ".ipynb": False,
    ".a.ipynb": False,
    "a": False,
    "a.ipynb/": False,
    "a.ipynb\n": False,
    "a.IPYNB": False,
    "/etc/a.ipynb": False,
    "//a.ipynb": False,
    "../a.ipynb": False,
    "a/../b.ipynb": False,
    "a/./b.ipynb": False,
    "a//b.ipynb": False,
    "a\\..\\b.ipynb": False,
    "~/a.ipynb": False,
    "-a.ipynb": False,
    "a b.ipynb": False,
    "a?token=x.ipynb": False,
    "a%2e%2e/b.ipynb": False,
    "http://a/b.ipynb": False,
    "é.ipynb": False,
    "a" * 194 + ".ipynb": True,
    "a" * 195 + ".ipynb": False,
}


@pytest.mark.parametrize(("path", "good"), NOTEBOOKS.items())
def test_a_notebook_is_a_path_inside_the_home_directory(path: str, good: bool) -> None:
    """Only a relative path of plain names, ending in .ipynb, of at most 200 characters."""
    assert isinstance(from_options({"notebook": path}), ServerRequest if good else Refused)


@pytest.mark.parametrize("name", ["root", "all", "none", "default", "normal", "any", "where", "set", "null"])
def test_words_that_mean_something_to_slurm_are_no_names(name: str) -> None:
    """A word that sacctmgr or the scheduler reads in its own way never reaches them as a name."""
    for key in ("flavour", "stream", "project"):
        assert isinstance(from_options({key: name}), Refused)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ServerRequest()),
        ({"flavour": ["gpu-1"]}, ServerRequest(flavour="gpu-1")),
        ({"flavour": [""], "hours": [""], "lent": [""]}, ServerRequest()),
        ({"hours": ["2"]}, ServerRequest(hours=2)),
        ({"hours": ["002"]}, ServerRequest(hours=2)),
        ({"lent": ["on"]}, ServerRequest(lent=True)),
        ({"lent": ["true"]}, ServerRequest(lent=True)),
        ({"lent": ["false"]}, ServerRequest(lent=False)),
        ({"notebook": ["a/b.ipynb"], "project": ["xy"]}, ServerRequest(notebook="a/b.ipynb", project="xy")),
    ],
)  # fmt: skip
def test_a_form_is_read(fields: dict[str, list[str]], expected: ServerRequest) -> None:
    """Every value of a form is a list of one text; an empty one was left open."""
    assert from_fields(fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"flavour": []},
        {"flavour": ["gpu-1", "gpu-2"]},
        {"flavour": ["gpu-1", "gpu-1"]},
        {"hours": ["2", ""]},
        {"hours": ["0"]},
        {"hours": ["169"]},
        {"hours": ["1000"]},
        {"hours": ["-1"]},
        {"hours": ["+1"]},
        {"hours": ["1.0"]},
        {"hours": ["1e2"]},
        {"hours": ["0x2"]},
        {"hours": [" 2"]},
        {"hours": ["2\n"]},
        {"hours": ["²"]},
        {"hours": ["٣"]},  # a digit, in Arabic
        {"hours": ["two"]},
        {"lent": ["yes"]},
        {"lent": ["True"]},
        {"lent": ["1"]},
    ],
)
def test_a_form_that_makes_no_sense_is_refused(fields: dict[str, list[str]]) -> None:
    """A field sent twice, and text that stands for no value, are refused by the name of the field."""
    answer = from_fields(fields)
    assert isinstance(answer, Refused)
    assert answer.reason == "bad-option"
    assert f"'{next(iter(fields))}'" in answer.sentence


@given(any_json | options_of_any_kind)
@example({"flavour": "\ud800"})
@example({"hours": 10**400})
def test_any_json_value_is_a_request_or_a_refusal(value: Any) -> None:
    """Nothing that REST can carry breaks the parser, and every refusal has a sentence to show."""
    answer = from_options(value)
    assert isinstance(answer, ServerRequest | Refused)
    if isinstance(answer, Refused):
        assert answer.sentence.endswith(".")
        assert answer.sentence.isprintable()


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), st.lists(plausible_text, max_size=3)))
def test_any_form_is_a_request_or_a_refusal(fields: dict[str, list[str]]) -> None:
    """Nothing that a form or a link can carry breaks the parser."""
    assert isinstance(from_fields(fields), ServerRequest | Refused)


names = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True)
good_options = st.fixed_dictionaries(
    {},
    optional={
        "flavour": names,
        "stream": names,
        "project": names,
        "hours": st.integers(1, 168),
        "lent": st.booleans(),
        "notebook": st.from_regex(r"[a-z_][a-z.]{0,5}(/[a-z._-]{1,5}){0,2}\.ipynb", fullmatch=True),
    },
)


@given(good_options)
def test_an_accepted_request_comes_back_as_it_was(options: dict[str, Any]) -> None:
    """What JupyterHub keeps for the next start is read as the same request again."""
    answer = from_options(options)
    if isinstance(answer, ServerRequest):
        kept = answer.model_dump(exclude_unset=True)
        assert kept == options
        assert from_options(kept) == answer


@given(options_of_any_kind | good_options)
def test_no_accepted_text_means_anything_to_a_shell(options: dict[str, Any]) -> None:
    """Accepted text is letters, digits and ``._/-``, never begins with a dash or leaves the home."""
    answer = from_options(options)
    if isinstance(answer, ServerRequest):
        for text in filter(lambda value: isinstance(value, str), answer.model_dump().values()):
            assert text.isascii()
            assert text.translate(str.maketrans("", "", "._/-")).isalnum()
            assert text[0] not in "-/."
            assert ".." not in text.split("/")
