#!/usr/bin/env python3
"""Compares `fusebay img check` with `qemu-img check`: one image, whole and damaged in many ways.

usage: img_check.py FUSEBAY IMAGE [DAMAGE]...
"""
import json
import shutil
import subprocess
import sys

import qcow2_damage

FUSEBAY = [sys.argv[1], "img", "check"]
QEMU = ["qemu-img", "check"]
# What is wrong with the refcount structure itself is counted in other ways by our repair, and it
# repairs no leaks before that. Entries of tables that lie in a wrong place are not repaired.
STRUCTURE = ("block_", "refcount_table_", "data_in_a_refcount_block", "data_in_the_refcount_table")
OTHER_REPAIR = STRUCTURE + ("table_unaligned", "table_is_the_l1_table", "cut")
failures = []


def badness(code):
    """Of an exit status; theirs may be that of a crash."""
    return [0, 3, 2, 1].index(code) if 0 <= code <= 3 else 4


def run(command, path, *options):
    done = subprocess.run([*command, *options, path], capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def report(what, theirs, ours):
    failures.append(f"{what}:\n  qemu-img: {theirs}\n  fusebay:  {ours}")


def counts(result):
    code, out, _ = result
    if not out:
        return code, {}
    return code, {key: value for key, value in json.loads(out).items() if key != "filename"}


class Case:
    """An image, whole or damaged, and how it may differ from what QEMU makes of it."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        image = qcow2_damage.Image(path)
        self.one_bit_refcounts = image.order == 0
        self.data_file, self.snapshots = image.has_data_file, image.snapshots
        try:
            # They rewrite the bitmaps whenever they open the image for writing.
            self.bitmaps = bool(image.bitmaps())
        except IndexError:
            self.bitmaps = False

    def looks_other(self):
        if self.name.startswith("bitmap_"):
            return "they do not even open the image"
        if self.snapshots and self.name in ("cut", "end_cut_off"):
            return "we refuse a snapshot table that is not all there"
        if self.one_bit_refcounts and self.name.startswith(STRUCTURE):
            return "they count with one bit, too, and see no second reference"
        if self.data_file and self.name.startswith("table_"):
            return "we also see that data is not at its place in the data file"
        return None

    def repairs_other(self):
        return (self.name.startswith(OTHER_REPAIR) or self.looks_other() or
                (self.snapshots and self.name.startswith("snapshot_")) or self.bitmaps)

    def compare_clean(self):
        """Every byte is the same, on stdout and on stderr."""
        looks = [[], ["--output=json"], ["-q"], ["-U"], ["-f", "qcow2", "--output", "json"]]
        repairs = [["-r", "all"], ["-r", "leaks"], ["--output=json", "-r", "all"]]
        for options in looks + (repairs if not self.bitmaps else []):
            theirs, ours = run(QEMU, self.path, *options), run(FUSEBAY, self.path, *options)
            if theirs != ours:
                report(f"clean, {options}", theirs, ours)

    def compare_look(self):
        theirs, ours = run(QEMU, self.path), run(FUSEBAY, self.path)
        if self.looks_other():
            if ours[0] == 0:
                report(f"{self.name}: look", theirs, ours)
            return
        if theirs[:2] != ours[:2]:
            report(f"{self.name}: look in words", theirs, ours)
        theirs = run(QEMU, self.path, "--output=json")
        ours = run(FUSEBAY, self.path, "--output=json")
        if theirs[:2] != ours[:2]:
            report(f"{self.name}: look", theirs, ours)

    def compare_repair(self, what):
        """Ours must be no worse than theirs, by their own judgement; and show the same disk."""
        their_copy, our_copy = self.path + ".theirs", self.path + ".ours"
        shutil.copyfile(self.path, their_copy)
        shutil.copyfile(self.path, our_copy)
        theirs = counts(run(QEMU, their_copy, "--output=json", "-r", what))
        ours = counts(run(FUSEBAY, our_copy, "--output=json", "-r", what))
        title = f"{self.name}: repair {what}"
        for result in (theirs, ours):
            # A new refcount structure of ours is behind the end of the file.
            result[1].pop("image-end-offset", None)
        if self.repairs_other():
            if self.looks_other() is None and not self.bitmaps and ours[0] not in (0, 1, 2, 3):
                report(title, theirs, ours)
        elif badness(ours[0]) > badness(theirs[0]):
            report(title, theirs, ours)
        elif theirs[0] == ours[0] != 1 and theirs != ours:
            report(title, theirs, ours)
        after_theirs, after_ours = run(QEMU, their_copy), run(QEMU, our_copy)
        if badness(after_ours[0]) > badness(after_theirs[0]) and not (
                self.bitmaps or self.snapshots and self.repairs_other()):
            report(f"{self.name}: check after repair {what}", after_theirs, after_ours)
        again = run(FUSEBAY, our_copy)
        if again[0] != after_ours[0] and not self.looks_other():
            report(f"{self.name}: our check after repair {what}", after_ours, again)
        if after_theirs[0] == 0 and after_ours[0] == 0:
            same = subprocess.run(["qemu-img", "compare", their_copy, our_copy],
                                  capture_output=True, timeout=60, check=False)
            if same.returncode == 1:
                report(f"{self.name}: the disk after repair {what}", "", same)


def main():
    path = sys.argv[2]
    Case(path, "clean").compare_clean()
    done = 0
    for damage in qcow2_damage.DAMAGES:
        if sys.argv[3:] and damage.__name__ not in sys.argv[3:]:
            continue
        copy = path + ".damaged"
        shutil.copyfile(path, copy)
        case = Case(copy, damage.__name__)
        try:
            damage(qcow2_damage.Image(copy))
        except IndexError:
            continue
        done += 1
        case.compare_look()
        case.compare_repair("leaks")
        case.compare_repair("all")
    print(f"{path}: {done} kinds of damage")
    if done < 20 and not sys.argv[3:]:
        failures.append("the image is too small for most kinds of damage")
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


main()
