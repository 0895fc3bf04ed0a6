#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Validates a JSON report against docs/report.schema.json: validate-report.py REPORT"""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("cannot validate the report: the Python module jsonschema is missing; "
             "install the Debian package python3-jsonschema")


def main(path):
    with open("docs/report.schema.json", encoding="utf-8") as file:
        schema = json.load(file)
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(report))
    for error in errors[:10]:
        where = "/".join(str(step) for step in error.absolute_path)
        print(f"{path}: at {where}: {error.message}")
    for event in report["events"]:
        if f"{event['type']}@{event['major']}" not in report["schemas"]:
            sys.exit(f"{path}: no schema for {event['type']}@{event['major']}")
    return 1 if errors else 0


sys.exit(main(sys.argv[1]))
