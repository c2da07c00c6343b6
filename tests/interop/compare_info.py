"""Compares `fusebay info --output=json` with qemu-img's: compare_info.py OURS THEIRS.

Whatever qemu-img says must be said by ours, too, with the same value; ours may say more.
"""
import json
import sys

from client import equal, fail

# Newer versions describe the protocol layers, too; that is about QEMU's own nodes.
NOT_COMPARED = {"children"}


def compare(ours, theirs, where):
    """Recursively; lists must have the same length."""
    if isinstance(theirs, dict):
        for key, value in theirs.items():
            # qemu-img does not open an external data file for this, so it misses most of it.
            external = "data-file" in str(theirs.get("format-specific"))
            if key in NOT_COMPARED or (key == "actual-size" and external):
                continue
            if key not in ours:
                fail(f"{where}: no member '{key}' in {ours}")
            compare(ours[key], value, f"{where}.{key}")
    elif isinstance(theirs, list):
        equal(len(ours), len(theirs), f"length of {where}")
        for index, (mine, other) in enumerate(zip(ours, theirs)):
            compare(mine, other, f"{where}[{index}]")
    else:
        equal(ours, theirs, where)


def main():
    """Exit status 0 when ours says all that theirs does."""
    with open(sys.argv[1], encoding="utf-8") as ours, open(sys.argv[2], encoding="utf-8") as theirs:
        compare(json.load(ours), json.load(theirs), "info")


main()
