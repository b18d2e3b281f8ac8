# SPDX-License-Identifier: MIT
"""A dictionary of sections becomes a config.toml."""
import json


def _value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value)
    return str(value)


def render(sections):
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_value(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def merge(base, *changes):
    """A new dictionary of sections; later ones win key by key."""
    result = {section: dict(values) for section, values in base.items()}
    for change in changes:
        for section, values in (change or {}).items():
            result.setdefault(section, {}).update(values)
    return result
