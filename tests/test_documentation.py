"""What the documents promise is there."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "config").glob("*.md")]
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    for link in links:
        if "://" not in link:
            assert (document.parent / link).exists(), link


def test_the_readme_begins_with_the_two_commands():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    main = 'python -m pip install -e ".[test]" && snakemake --cores 8'
    test = 'python -m pip install -e ".[test]" && pytest'
    assert 0 < text.index(main) < text.index(test) < 1500


def test_the_constraints_name_versions_and_no_address():
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 50
    for pin in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[^\s/@]+", pin), pin
