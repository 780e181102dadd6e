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
UPCALL_ROWS = [row for row in ROWS if "..." not in row]
UPCALL_COLUMNS = ["native", "ferry_slots", "ferry_slots_handler_errno", "ferry_pointers",
                  "ferry_pointers_handler_errno", "ferry_slow_path", "libffi"] + [
                      f"limit_gcc_{kind}" for kind in ("slots", "slots_errno", "slots_static", "pointers",
                                                       "pointers_errno")]
OTHERS = ["create/binding_of_known_shape", "create/free_binding", "create/new_shape", "create/batch_of_1000_shapes",
          "contention/known_shape_1_thread", "contention/known_shape_2_threads"] + [
              f"process/{what}_{who}" for what in ("first_call", "from_exec")
              for who in ("nothing", "libffi", "ferry_prelude", "ferry_cache", "ferry_background", "ferry_never",
                          "ferry_now")] + [
              f"startup/{who}_{what}" for who in ("warm_cache", "warm_cache_alone", "cold_cache", "prelude_alone",
                                                  "background", "never", "now")
              for what in ("bound", "compiled", "from_exec")] + ["startup/libffi_bound", "startup/libffi_from_exec"] + [
              f"early/{who}" for who in ("libffi", "prelude", "background", "after_100_calls", "now", "never")] + [
              f"contention/{policy}_{who}" for policy in ("now", "background")
              for who in ("1_thread", "2_threads_same", "2_threads_different")] + [
              f"tiers/{where}_{what}" for where in ("prelude", "cache")
              for what in ("new_shape", "new_signature", "known")] + [
              f"tiers/unknown_{when}_{who}" for when in ("first", "cold", "warm") for who in ("ferry", "libffi")] + [
              "tiers/in_place_cold", "tiers/in_place_warm"] + [
              f"closures/{who}_{what}" for who in ("ferry", "libffi", "malloc_64")
              for what in ("create_fresh", "create", "release", "recycle", "recycle_of_1000")]
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
              if (row, fill) != ("void(void)", "fill")] + [
                  f"{row}/upcall/{column}" for row in UPCALL_ROWS for column in UPCALL_COLUMNS] + OTHERS
    for name in wanted:
        expect(name in names, f"{name} is missing")
        for aggregate in AGGREGATES:
            expect(f"{name}_{aggregate}" in names, f"{name}_{aggregate} is missing")
    by_name = {entry["name"]: entry for entry in data["benchmarks"]}
    for row in ROWS:
        expect(by_name.get(f"{row}/kept/ferry_slots", {}).get("code_bytes", 0) > 0, f"{row}: no size of its code")
    for row in UPCALL_ROWS:
        expect(by_name.get(f"{row}/upcall/ferry_slots", {}).get("code_bytes", 0) > 0, f"{row}: no size of its stub")
        expect(by_name.get(f"{row}/upcall/native_median", {}).get("cpu_time", math.inf)
               < by_name.get(f"{row}/upcall/ferry_slow_path_median", {}).get("cpu_time", 0),
               f"{row}: libffi's way takes no longer than none at all")
    for who in ("ferry", "libffi"):
        closure = by_name.get(f"closures/{who}_create_fresh", {})
        expect(closure.get("called_wrong") == 0, f"closures of {who} were not called, or returned something wrong")
        expect(closure.get("bytes", 0) > 16, f"a closure of {who} takes {closure.get('bytes')} bytes")
    for who in ("never", "prelude", "cache"):
        expect(by_name.get(f"process/first_call_ferry_{who}", {}).get("libllvm_mapped") == 0,
               f"a process that makes no code ({who}) has libLLVM mapped")
    expect(by_name.get("process/first_call_ferry_now", {}).get("libllvm_mapped") == 1,
           "a process that made code has libLLVM not mapped")
    check_startup(by_name)
    check_early(by_name)


def check_startup(by_name):
    def counter(who, what):
        return by_name.get(f"startup/{who}_compiled", {}).get(what, -1)
    bindings = by_name.get("startup/never_bound", {}).get("bindings", 0)
    expect(250 <= bindings <= 500, f"{bindings} functions are bound, not some of 500")
    shapes = counter("background", "made")
    expect(0 < shapes < bindings, f"{shapes} shapes are made for {bindings} functions")
    expect(counter("now", "made") == shapes, "now does not make what background makes")
    expect(counter("warm_cache_alone", "from_cache") == shapes and counter("warm_cache_alone", "made") == 0,
           "a warm cache does not answer for all shapes")
    expect(counter("prelude_alone", "from_prelude") > shapes / 2, "the prelude has few of the common shapes")
    expect(counter("never", "without_code") == shapes, "the slow path does not answer for all shapes")


def check_early(by_name):
    marks = (1, 2, 5, 10, 20, 50, 100)
    for who in ("libffi", "prelude", "background", "after_100_calls", "now", "never"):
        calls = [by_name.get(f"early/{who}", {}).get(f"calls_{mark}_ms", -1) for mark in marks]
        expect(calls[0] >= 0 and calls == sorted(calls), f"early, {who}: calls become fewer: {calls}")


def check_svg(path):
    root = xml.parse(path).getroot()
    space = "{http://www.w3.org/2000/svg}"
    expect(root.tag == space + "svg", f"the plot's root is {root.tag}")
    texts = {element.text for element in root.iter(space + "text")}
    for row in ROWS:
        expect(row in texts, f"the plot does not name {row}")
    expect(len(list(root.iter(space + "rect"))) > 7 * 19 + 7 * 9, "the plot has too few bars")
    expect("C calls the VM" in texts, "the plot has no panel of upcalls")


check_json(sys.argv[1])
check_svg(sys.argv[2])
for problem in problems:
    print(problem)
sys.exit(1 if problems else 0)
