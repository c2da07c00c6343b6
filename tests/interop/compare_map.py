"""Compares a file's holes with what `qemu-img map --output=json` says: compare_map.py MAP FILE."""
import json
import os
import sys

from client import equal, extents


def merged(pieces):
    """Neighbours of one kind as one piece."""
    result = []
    for start, end, kind in pieces:
        if start == end:
            continue
        if result and result[-1][2] == kind and result[-1][1] == start:
            result[-1] = (result[-1][0], end, kind)
        else:
            result.append((start, end, kind))
    return result


def main():
    """Exit status 0 when both agree about every byte."""
    with open(sys.argv[1], encoding="utf-8") as listing:
        theirs = [(e["start"], e["start"] + e["length"], "data" if e["data"] else "hole")
                  for e in json.load(listing)]
    fd = os.open(sys.argv[2], os.O_RDONLY)
    ours = merged(extents(fd, os.fstat(fd).st_size))
    theirs = merged(theirs)
    for mine, other in zip(ours, theirs):
        equal(mine, other, "extent")
    equal(len(ours), len(theirs), "number of extents")
    print(f"{len(ours)} extents agree")


main()
