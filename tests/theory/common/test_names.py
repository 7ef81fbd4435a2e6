import pytest

from theory.common.names import nearest_name


@pytest.mark.parametrize(
    ("name", "hint"), [("theorem1", "did you mean 'theorem-1'"), ("xyz", "known: theorem-1, lemma-1")]
)
def test_nearest_name(name, hint):
    assert hint in nearest_name(name, ["theorem-1", "lemma-1"])
