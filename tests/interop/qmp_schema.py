#!/usr/bin/env python3
"""Compares what query-qmp-schema says here and in QEMU's storage daemon.

usage: qmp_schema.py REPLAY_PROGRAM

Every command, event, argument, value and returned member of ours must be theirs, with the same
type; arguments that they require are required, members that they always return are always returned.
OURS is the list of what is meant to differ.
"""
import json
import sys

from qmp_peer import open_both

# path -> reason
OURS = {
    "blockdev-add.driver=memory": "a driver of ours",
    "blockdev-create.options.driver=memory": "the same",
    "block-export-add.(fuse).cache": "an option of ours",
    "block-export-add.iothread": "a name or a list of names, as in newer versions",
}


class Schema:
    """The entries by name, and what differs from another one."""

    def __init__(self, entries):
        self.entries = {entry["name"]: entry for entry in entries}

    def of(self, name):
        return self.entries[name]


class Comparison:
    """Walks both schemas along the names of ours."""

    def __init__(self, ours, theirs):
        self.ours = ours
        self.theirs = theirs
        self.findings = []
        self.used = set()
        self.seen = set()

    def note(self, path, what):
        for known in OURS:
            if path == known or path.startswith((known + ".", known + "=", known + "[")):
                self.used.add(known)
                return
        self.findings.append(f"{path}: {what}")

    def compare(self):
        for name, entry in self.ours.entries.items():
            if entry["meta-type"] not in ("command", "event"):
                continue
            other = self.theirs.entries.get(name)
            if other is None or other["meta-type"] != entry["meta-type"]:
                self.note(name, "not there")
                continue
            self.type(name, entry["arg-type"], other["arg-type"], entry["meta-type"] == "event")
            if "ret-type" in entry:
                self.type(name + "->", entry["ret-type"], other["ret-type"], True)
            if entry.get("allow-oob") != other.get("allow-oob"):
                self.note(name, "allow-oob differs")

    def type(self, path, mine, yours, output):
        if (mine, yours, output) in self.seen:
            return
        self.seen.add((mine, yours, output))
        ours, theirs = self.ours.of(mine), self.theirs.of(yours)
        if ours["meta-type"] != theirs["meta-type"]:
            self.note(path, f"{ours['meta-type']} here, {theirs['meta-type']} there")
            return
        getattr(self, "type_" + ours["meta-type"])(path, ours, theirs, output)

    def type_builtin(self, path, ours, theirs, _output):
        if ours != theirs:
            self.note(path, f"{ours['name']} here, {theirs['name']} there")

    def type_array(self, path, ours, theirs, output):
        self.type(path + "[]", ours["element-type"], theirs["element-type"], output)

    def type_enum(self, path, ours, theirs, _output):
        for value in ours["values"]:
            if value not in theirs["values"]:
                self.note(f"{path}={value}", "not there")
        if [member["name"] for member in ours["members"]] != ours["values"]:
            self.note(path, "members and values differ")

    def type_alternate(self, path, ours, theirs, output):
        def kind(schema, member):
            entry = schema.of(member["type"])
            return entry.get("json-type", entry["meta-type"])
        there = {kind(self.theirs, member): member["type"] for member in theirs["members"]}
        for member in ours["members"]:
            branch = kind(self.ours, member)
            if branch not in there:
                self.note(path, f"no {branch} there")
            else:
                self.type(path, member["type"], there[branch], output)

    def type_object(self, path, ours, theirs, output):
        there = {member["name"]: member for member in theirs["members"]}
        here = {member["name"]: member for member in ours["members"]}
        for name, member in here.items():
            if name not in there:
                self.note(f"{path}.{name}", "not there")
                continue
            optional = "default" in member, "default" in there[name]
            if optional[0] != optional[1] and not (output and optional[1]):
                self.note(f"{path}.{name}", "optional in one of them only")
            self.type(f"{path}.{name}", member["type"], there[name]["type"], output)
        for name, member in there.items():
            if name not in here and "default" not in member:
                self.note(f"{path}.{name}", "required there, not here")
        self.branches(path, ours, theirs, output)

    def branches(self, path, ours, theirs, output):
        if ours.get("tag") != theirs.get("tag"):
            self.note(path, f"tag {ours.get('tag')} here, {theirs.get('tag')} there")
        there = {variant["case"]: variant["type"] for variant in theirs.get("variants", [])}
        for variant in ours.get("variants", []):
            branch = f"{path}.({variant['case']})"
            if variant["case"] not in there:
                self.note(f"{path}.{ours['tag']}={variant['case']}", "not there")
            elif self.ours.of(variant["type"])["members"] or output:
                self.type(branch, variant["type"], there[variant["case"]], output)


def read(server):
    """The schema that a server describes."""
    server.send(b'{"execute":"query-qmp-schema"}\n')
    return json.loads(server.line())["return"]


def main():
    servers = open_both(sys.argv[1])
    ours, theirs = (Schema(read(server)) for server in servers)
    for server in servers:
        server.close()
    comparison = Comparison(ours, theirs)
    comparison.compare()
    for known in OURS.keys() - comparison.used:
        comparison.findings.append(f"{known}: meant to differ, but does not")
    print("\n".join(comparison.findings))
    commands = [e for e in ours.entries.values() if e["meta-type"] in ("command", "event")]
    print(f"{len(commands)} commands and events compared, {len(comparison.findings)} findings")
    sys.exit(1 if comparison.findings else 0)


main()
