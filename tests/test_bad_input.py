"""Whatever a user passes: an answer, or an error of ours that names the argument."""

import numpy as np
import pytest
import recipes
import walker


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Some bad values are good file names."""
    monkeypatch.chdir(tmp_path)


def test_every_public_function_is_walked():
    """A new one needs good arguments in recipes.py; its bad ones then come by themselves."""
    assert recipes.missing() == []


@pytest.mark.parametrize("name", sorted(recipes.recipes()))
def test_good_arguments_work(name):
    recipe = recipes.recipes()[name]
    answer = recipe.call(recipe.arguments())
    assert walker.not_finite(answer, recipe.holes) is None
    if recipe.then is not None:
        assert walker.not_finite(recipe.then(answer), recipe.holes) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(recipes.recipes()))
def test_bad_values_are_refused_by_name_or_answered(name):
    recipe = recipes.recipes()[name]
    with np.errstate(all="warn"):
        assert walker.walk(recipe) == []
