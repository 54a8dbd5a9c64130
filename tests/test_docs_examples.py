"""The pages of docs/: every Python example runs, page by page, and every link between pages leads somewhere."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PAPERS = [*PAGES, DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"]


# tests/libraries/ runs those of libraries.md in processes of their own: some libraries cannot share one.
@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "libraries"], ids=lambda page: page.stem)
def test_examples_run(page):
    namespace = {}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(block, page.name, "exec"), namespace)


def test_examples_are_found():
    blocks = [page.stem for page in PAGES if "```python" in page.read_text(encoding="utf-8")]
    assert {"index", "replace", "semantics", "threads"} <= set(blocks)


@pytest.mark.parametrize("page", PAPERS, ids=lambda page: page.stem)
def test_relative_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    missing = [target for target in targets if not _leads_somewhere(page, target)]
    assert missing == []


def _leads_somewhere(page, target):
    if "://" in target or target.startswith("mailto:"):
        return True
    name, _, anchor = target.partition("#")
    path = page.parent / name if name else page
    if not anchor or path.suffix != ".md":
        return path.exists()
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
