# SPDX-License-Identifier: GPL-2.0
"""Hold the JSON of the tool to the schemas of the tree."""

import json
from pathlib import Path

import jsonschema

SCHEMAS = Path(__file__).resolve().parent.parent / "schema"


def faults(name, text):
    """What is wrong with a JSON text; an empty list if nothing is."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    validator.check_schema(schema)
    try:
        value = json.loads(text)
    except ValueError as error:
        return [f"not JSON: {error}"]
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(value)]
