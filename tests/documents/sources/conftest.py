import pytest


@pytest.fixture
def folder(operator, tmp_path):
    """A folder on disk with two files, one of them in a subfolder."""
    folder = tmp_path / "papers"
    (folder / "deep").mkdir(parents=True)
    (folder / "rain.txt").write_text("It rains in Bergen.")
    (folder / "deep" / "snow.txt").write_text("It snows in Tromsø.")
    return folder
