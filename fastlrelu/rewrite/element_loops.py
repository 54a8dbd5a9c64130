"""Loops over indices and elements that are one expression of whole arrays."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from fastlrelu.rewrite.folding import Change
from fastlrelu.rewrite.versions import State

if TYPE_CHECKING:
    from fastlrelu.rewrite.flow import Flow


def lowered(loop: ast.For, state: State, flow: Flow) -> Change | None:
    """Return the change that a loop makes to the one array it writes, or None."""
    return None
