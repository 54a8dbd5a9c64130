"""Writes the reference page from the docstrings of the installed package, ufuncs included.

A documentation generator that reads sources finds no docstring in compiled modules and in stubs, so this one asks the
objects. ``<!-- reference -->`` in a page stands for all public names.
"""

import inspect
import re

import numpy as np

import fastlrelu

PLACE = "<!-- reference -->"
KINDS = {np.ufunc: "ufunc", type: "class"}
# The sections whose entries are names with a type.
FIELDS = ("Parameters", "Returns", "Attributes", "Raises")


def on_page_markdown(markdown, **_):
    return markdown.replace(PLACE, reference()) if PLACE in markdown else markdown


def reference():
    names = [name for name in fastlrelu.__all__ if name != "__version__"]
    order = {"ufunc": 0, "class": 1, "function": 2}
    names.sort(key=lambda name: (order[_kind(getattr(fastlrelu, name))], fastlrelu.__all__.index(name)))
    return "\n\n".join(_entry(name, getattr(fastlrelu, name), "##") for name in names)


def _kind(thing):
    return next((word for kind, word in KINDS.items() if isinstance(thing, kind)), "function")


def _entry(name, thing, mark):
    lines = inspect.getdoc(thing).splitlines()
    # NumPy and Cython put the signature first.
    signature = lines.pop(0) if lines[0].startswith(f"{name}(") else f"{name}()"
    if isinstance(thing, np.ufunc):
        signature = f"{name}({', '.join(_parameters(lines)[: thing.nin])}, /, out=None, *, where=True, ...)"
    body = _sections("\n".join(lines).strip())
    text = f"{mark} {name}\n\n*{_kind(thing)}*\n\n```text\n{signature}\n```\n\n{body}"
    if isinstance(thing, type):
        members = [(key, value) for key, value in vars(thing).items() if not key.startswith("_") or key == "__call__"]
        methods = [(key, value) for key, value in members if callable(value) and value.__doc__ and key != "__call__"]
        called = [(key, value) for key, value in members if key == "__call__" and inspect.getdoc(value)]
        for key, value in [*called, *methods]:
            text += f"\n\n### {_escaped(f'{name}.{key}')}\n\n{_sections(inspect.getdoc(value))}"
    return text


def _parameters(lines):
    first = lines.index("Parameters") + 2
    names = (line.partition(" : ")[0] for line in lines[first:] if line and not line[0].isspace())
    return [name for several in names for name in several.split(", ")]


def _sections(text):
    parts = re.split(r"^(\w[\w ]*)\n-+\n", text, flags=re.MULTILINE)
    written = [_inline(parts[0].strip())]
    for title, content in zip(parts[1::2], parts[2::2], strict=True):
        written.append(f"**{title}**")
        if title in FIELDS:
            written.append(_fields(content.strip("\n")))
        elif title == "Examples":
            written.append(f"```pycon\n{content.strip()}\n```")
        elif title == "See Also":
            written.append(_see_also(content.strip()))
        else:
            written.append(_inline(content.strip()))
    return "\n\n".join(written)


def _fields(text):
    rows = []
    for line in text.splitlines():
        if line and not line[0].isspace():
            name, _, kind = line.partition(" : ")
            rows.append(f"- **{_escaped(name)}**" + (f" ({_inline(kind)})" if kind else "") + "  \n")
        elif line.strip():
            rows[-1] += f"    {_inline(line.strip())}\n"
    return "\n".join(rows)


def _see_also(text):
    rows = []
    for line in text.splitlines():
        name, _, words = line.partition(" : ")
        rows.append(f"- [`{name}`](#{_anchor(name)}): {_inline(words)}")
    return "\n".join(rows)


def _anchor(name):
    return name.lower()


def _escaped(text):
    return re.sub(r"([*_])", r"\\\1", text)


def _inline(text):
    """The markup of docstrings as Markdown: both kinds of backticks mean code."""
    return re.sub(r"``(.+?)``", r"`\1`", text)
