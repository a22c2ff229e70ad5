"""How the tests of the drop-in modules read signatures."""

from __future__ import annotations

import inspect


def positional(function):
    """The signature without annotations and without what is keyword-only."""
    parameters = inspect.signature(function).parameters.values()
    return ", ".join(
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in parameters
        if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"
    )


def keyword_only(function):
    """The keyword-only parameters and their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
