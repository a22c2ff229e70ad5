"""Importing this calls `register`: for `custom_imports` of a configuration."""

from __future__ import annotations

from .registration import register

register()
