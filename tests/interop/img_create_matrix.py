#!/usr/bin/env python3
"""Makes images with every combination of options, by fusebay and by qemu-img, and compares them.

usage: img_create_matrix.py FUSEBAY CLUSTER_SIZE

Runs in an empty folder. Prints a line for each difference and ends with status 1 if there was one.
What qemu-img refuses must be refused with the same words and leave nothing behind.
"""
import itertools
import json
import os
import shutil
import subprocess
import sys

fusebay, cluster_size = sys.argv[1:]
SIZE = "1000000"  # no multiple of a cluster or a sector
differences = []


def run(folder, *argv):
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60)


def create(folder, program, options):
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    return run(folder, *program, "create", "-f", "qcow2", "-o", options, "x.qcow2", SIZE)


def json_of(folder, command):
    out = run(folder, "qemu-img", command, "--output=json", "x.qcow2")
    return json.loads(out.stdout) if out.returncode == 0 else out.stderr


def info(folder):
    found = json_of(folder, "info")
    return {key: value for key, value in found.items() if key != "actual-size"}


def extents(folder):
    """Where data is. Not at which offset of the file."""
    return [{key: e[key] for key in ("start", "length", "depth", "present", "zero", "data")}
            for e in json_of(folder, "map")]


def compare_images(preallocation, has_data_file, extended):
    check = run("ours", "qemu-img", "check", "x.qcow2")
    if check.returncode != 0 or "No errors were found" not in check.stdout:
        yield f"check: {check.stdout}{check.stderr}"
    if info("ours") != info("theirs"):
        yield f"info: {info('ours')} instead of {info('theirs')}"
    # With other tables, other parts of the file are holes.
    if preallocation != "metadata" or has_data_file or extended == "on":
        if extents("ours") != extents("theirs"):
            yield f"map: {extents('ours')} instead of {extents('theirs')}"
    # It opens both data files by names relative to the current folder.
    equal = run("ours", "qemu-img", "compare", "x.qcow2", "../theirs/x.qcow2")
    if "Images are identical." not in equal.stdout:
        yield f"compare: {equal.stdout}{equal.stderr}"
    if has_data_file and os.path.getsize("ours/data") != 1000448:
        yield f"the data file has {os.path.getsize('ours/data')} bytes"
    used = os.stat("ours/data" if has_data_file else "ours/x.qcow2").st_blocks * 512
    if preallocation in ("falloc", "full") and used < int(SIZE):
        yield f"only {used} bytes are allocated"


def try_one(refcount_bits, compat, extended, preallocation, data_file):
    options = (f"cluster_size={cluster_size},refcount_bits={refcount_bits},compat={compat},"
               f"extended_l2={extended},preallocation={preallocation}")
    if data_file:
        options += ",data_file=data,data_file_raw=" + ("on" if data_file == "raw" else "off")
    ours = create("ours", [fusebay, "img"], options)
    theirs = create("theirs", ["qemu-img"], options)
    if ours.stdout != theirs.stdout or ours.returncode != theirs.returncode:
        yield options, f"{ours.stdout}{ours.stderr} instead of {theirs.stdout}{theirs.stderr}"
    elif theirs.returncode != 0:
        message = theirs.stderr.strip().removeprefix("qemu-img: ")
        if message not in ours.stderr or os.listdir("ours"):
            yield options, f"{ours.stderr} instead of {message}; left: {os.listdir('ours')}"
    else:
        for difference in compare_images(preallocation, data_file != "", extended):
            yield options, difference


count = 0
for combination in itertools.product(("1", "2", "8", "16", "64"), ("v2", "v3"), ("off", "on"),
                                     ("off", "metadata", "falloc", "full"), ("", "own", "raw")):
    count += 1
    differences += try_one(*combination)
for options, difference in differences[:10]:
    print(f"{options}: {difference}")
print(f"{count} combinations, {len(differences)} differences")
sys.exit(1 if differences else 0)
