#!/usr/bin/env python3
"""check.py JSON SVG: are the bench's files complete, and what Google Benchmark's tools and an XML parser accept?"""
import json
import math
import sys
import xml.etree.ElementTree as xml

ROWS = ["void(void)", "long(long)", "double(double x3)", "long(long x6)", "long(long x12)", "double(double x10)",
        "double(8 mixed)", "struct{double x2}", "struct{long x3}", "int(int, ...) with 3"]
COLUMNS = ["direct", "limit_gcc_slots", "limit_gcc_pointers", "ferry_slots", "ferry_slots_bound", "ferry_pointers",
           "ferry_pointers_bound", "ferry_slow_path", "libffi"]
OTHERS = ["create/binding_of_known_shape", "create/free_binding", "create/new_shape", "create/batch_of_1000_shapes",
          "process/first_call_libffi", "process/first_call_ferry_never", "process/first_call_ferry_now"]
AGGREGATES = ["mean", "median", "stddev", "cv"]

problems = []


def expect(condition, message):
    if not condition:
        problems.append(message)


def finite(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def check_entry(entry):
    name = entry["name"]
    for key in ("run_name", "run_type", "repetitions", "threads", "iterations", "time_unit"):
        expect(key in entry, f"{name}: no {key}")
    expect(finite(entry["real_time"]) and finite(entry["cpu_time"]), f"{name}: a time is no number")
    if entry["run_type"] == "aggregate":
        expect(name == entry["run_name"] + "_" + entry["aggregate_name"], f"{name}: not its aggregate's name")
    else:
        expect(entry["run_type"] == "iteration" and name == entry["run_name"], f"{name}: neither run nor aggregate")
        expect(entry["real_time"] > 0 and entry["iterations"] > 0, f"{name}: nothing was measured")


def check_json(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    for key in ("date", "num_cpus", "mhz_per_cpu", "load_avg", "library_build_type", "ferry_version"):
        expect(key in data["context"], f"context: no {key}")
    for entry in data["benchmarks"]:
        check_entry(entry)
    names = {entry["name"] for entry in data["benchmarks"]}
    wanted = [f"{row}/{fill}/{column}" for row in ROWS for fill in ("kept", "fill") for column in COLUMNS
              if (row, fill) != ("void(void)", "fill")] + OTHERS
    for name in wanted:
        expect(name in names, f"{name} is missing")
        for aggregate in AGGREGATES:
            expect(f"{name}_{aggregate}" in names, f"{name}_{aggregate} is missing")
    by_name = {entry["name"]: entry for entry in data["benchmarks"]}
    for row in ROWS:
        expect(by_name.get(f"{row}/kept/ferry_slots", {}).get("code_bytes", 0) > 0, f"{row}: no size of its code")
    expect(by_name.get("process/first_call_ferry_never", {}).get("libllvm_mapped") == 0,
           "a process on the slow path has libLLVM mapped")
    expect(by_name.get("process/first_call_ferry_now", {}).get("libllvm_mapped") == 1,
           "a process that made code has libLLVM not mapped")


def check_svg(path):
    root = xml.parse(path).getroot()
    space = "{http://www.w3.org/2000/svg}"
    expect(root.tag == space + "svg", f"the plot's root is {root.tag}")
    texts = {element.text for element in root.iter(space + "text")}
    for row in ROWS:
        expect(row in texts, f"the plot does not name {row}")
    expect(len(list(root.iter(space + "rect"))) > 7 * 19, "the plot has too few bars")


check_json(sys.argv[1])
check_svg(sys.argv[2])
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
