"""Checks a built site: every link and picture within it exists, and every #anchor in the page that it leads to."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

ROOT = "http://site.invalid/"


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value and tag != "base":
                self.links.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken(site):
    pages = {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}
    for name, page in pages.items():
        if name == "404.html":
            # Its links begin with the path that the site is published at.
            continue
        for link in page.links:
            parts = urlsplit(urljoin(ROOT + name, link))
            target = unquote(parts.path).lstrip("/")
            if parts.netloc != "site.invalid":
                continue
            if not target or target.endswith("/"):
                target += "index.html"
            if not (site / target).is_file():
                yield f"{name}: {link}: no such file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name}: {link}: no such anchor"


if __name__ == "__main__":
    found = sorted(broken(Path(sys.argv[1])))
    print("\n".join(found) or "every link leads somewhere")
    sys.exit(bool(found))
