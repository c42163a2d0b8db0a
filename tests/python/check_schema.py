"""check_schema.py SCHEMA FILE… [--refused FILE…]: whether a JSON Schema takes these TOML files, and refuses those."""

import json
import sys
import tomllib

import jsonschema


def main(schema, *files):
    with open(schema, encoding="utf-8") as text:
        schema = json.load(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    split = files.index("--refused") if "--refused" in files else len(files)
    for number, name in enumerate(files):
        if number == split:
            continue
        with open(name, "rb") as text:
            errors = list(validator.iter_errors(tomllib.load(text)))
        if number < split:
            assert not errors, f"{name}: {errors[0].message} at {list(errors[0].absolute_path)}"
        else:
            assert errors, f"{name} is taken"
    print(f"{split} fit, {max(len(files) - split - 1, 0)} refused")


main(*sys.argv[1:])
