"""What the documents promise is there."""

import re
from pathlib import Path

import pytest

from glxflow.spectrum import OF_SERIES

PROJECT = Path(__file__).parents[1]
_COMPOSED = {
    "NO_{total.upper()}": ["NO_TCR", "NO_TNAA"],
    "{what}_coils": ["dead_coils", "saturated_coils"],
}
"""Codes that are put together when they are made."""

DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "config").glob("*.md")]
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    for link in links:
        if "://" not in link:
            assert (document.parent / link).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_page_holds_both_sides_of_a_merge(document):
    assert not re.search(r"^(<{7}|>{7}) ", document.read_text(encoding="utf-8"), re.M)


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


def test_the_page_on_the_fit_explains_every_flag_that_is_made_and_no_other():
    page = (PROJECT / "docs" / "methods" / "fit.md").read_text(encoding="utf-8")
    section = page.partition("## What the flags mean")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.M)
    explained = {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}
    assert explained == _flags_in_the_code()


def _flags_in_the_code():
    """Return the codes of all flags but the verdicts of qc, which are named by their metrics."""
    package = PROJECT / "src" / "glxflow"
    sources = [path for path in package.rglob("*.py") if path.parent.name != "qc"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    codes = set()
    for code in re.findall(r'\bFlag\(\s*f?"([^"]+)"', text):
        codes.update(_COMPOSED.get(code, [code.replace("{OF_SERIES}", OF_SERIES)]))
    return codes
