from __future__ import annotations

import json

import pytest

from python_models.whole_file import whole_file, write_json


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "made" / "results.json"
    write_json(path, {"a": [1.5, None]})
    assert json.loads(path.read_text()) == {"a": [1.5, None]}

    def half():
        with whole_file(path) as file:
            assert file.suffix == ".json"
            file.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert json.loads(path.read_text()) == {"a": [1.5, None]}
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_json_is_not_written(tmp_path, number):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "results.json", {"a": number})
    assert list(tmp_path.iterdir()) == []
