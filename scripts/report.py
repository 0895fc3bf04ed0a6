# SPDX-License-Identifier: Apache-2.0
"""report.py FOLDER CONFIGURATION...: joins what the builds and ctest left in FOLDER (NAME.build, NAME.log, NAME.xml) into
junit.xml and report.json, says what failed, and ends with the line "N passed, N failed"."""
import json
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

FIGURE = re.compile(r"^# measured (\S+) ([-+0-9.eE]+) (\S+)(?: (<=|>=|==) ([-+0-9.eE]+))?\s*$", re.M)
COST = {"peak-memory": ("peak_memory_bytes", lambda kib: int(kib * 1024)), "cpu-time": ("cpu_seconds", float)}


def build_case(folder, configuration):
    """The build itself counts as a test: a configuration that does not compile, or whose tests did not run, has failed."""
    status, seconds = (folder / f"{configuration}.build").read_text().split()
    case = xml.Element("testcase", name="build", classname=configuration, time=seconds, status="run")
    if status == "0" and (folder / f"{configuration}.xml").exists():
        return case
    case.set("status", "fail")
    xml.SubElement(case, "failure", message="no results from ctest" if status == "0" else "build failed")
    xml.SubElement(case, "system-out").text = (folder / f"{configuration}.log").read_text(errors="replace")
    return case


def cases_of(folder, configuration):
    yield build_case(folder, configuration)
    results = folder / f"{configuration}.xml"
    if results.exists():
        for case in xml.parse(results).getroot().iter("testcase"):
            case.set("classname", configuration)
            yield case


def verdict(case):
    """ctest calls skipped also what it could not start; only a test that says so itself is skipped."""
    if case.get("status") == "run":
        return "passed"
    skipped = case.find("skipped")
    return "skipped" if skipped is not None and "SKIP_" in skipped.get("message", "") else "failed"


def entry(case):
    test = {"configuration": case.get("classname"), "name": case.get("name"), "expected": "passed",
            "measured": verdict(case), "seconds": float(case.get("time", 0)), "figures": []}
    for name, value, unit, relation, limit in FIGURE.findall(case.findtext("system-out") or ""):
        if name in COST and not relation and COST[name][0] not in test:
            key, convert = COST[name]
            test[key] = convert(float(value))
        else:
            test["figures"].append({"name": name, "expected": f"{relation} {limit}".strip() or None,
                                    "measured": float(value), "unit": unit})
    return test


def write_junit(path, suites):
    root = xml.Element("testsuites")
    for configuration, cases in suites.items():
        verdicts = [verdict(case) for case in cases]
        suite = xml.SubElement(root, "testsuite", name=configuration, tests=str(len(cases)),
                               failures=str(verdicts.count("failed")), skipped=str(verdicts.count("skipped")))
        suite.extend(cases)
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def main(folder, configurations):
    suites = {name: list(cases_of(folder, name)) for name in configurations}
    tests = [entry(case) for cases in suites.values() for case in cases]
    count = {word: sum(test["measured"] == word for test in tests) for word in ("passed", "failed", "skipped")}
    write_junit(folder / "junit.xml", suites)
    (folder / "report.json").write_text(json.dumps({"summary": count, "tests": tests}, indent=1) + "\n")

    for test in tests:
        if test["measured"] != "passed":
            print(f"{test['measured']}: {test['configuration']}: {test['name']}")
    print(f"reports: {folder}/junit.xml, {folder}/report.json")
    print(f"{count['passed']} passed, {count['failed']} failed" + (f", {count['skipped']} skipped" if count["skipped"] else ""))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
