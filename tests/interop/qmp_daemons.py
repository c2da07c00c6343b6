#!/usr/bin/env python3
"""Starts fusebay's daemon and QEMU's with the typical call, tells both the same, and compares the
replies and events.

usage: qmp_daemons.py FUSEBAY

All is told twice: with the export in an iothread, as in the typical call, without what ENDS_QEMU;
and then without an iothread, with that too.

Of a reply to a query every member that ours has must be in theirs, with the same value; of any
other reply all must be the same. The order of members and of lists of things with names does not
matter: QEMU takes it from its hash tables. DIFFERENT has what else is meant to differ, and why.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from qmp_daemon_cases import all_cases

PATIENCE = 20
# (part of the request, reason): one may be refused where the other is not.
ALLOWED = [
    ("a" * 40, "names of nodes may have any length"),
    ('"node-name": "second"', "a raw node does not let others change the size below it"),
    ('"block_resize", "arguments": {"node-name": "n", "size"',
     "a null-co node may have another size"),
]
# (part of the request, reason): both must succeed, or both fail, but may say something else.
DIFFERENT = [
    ('"filename": "/"', "we say what it is instead of what the system call said"),
    ('"filename": ""', "an empty name is none"),
    ('"file": "nope"', "a name of a child is no device's name"),
    ('"file": {"driver": "file", "filename": "disk.raw"}', "our messages name the image, and have "
     "no double blanks"),
    ('"change-backing-file", "arguments": {"device": "q"', "another thing that is wrong is said"),
    ("query-version", "our own package and micro version"),
    ('"nope", "data"', "QEMU has more chardevs, and names the first that it knows"),
    ('"qom-list", "arguments": {"path": "s"', "QEMU's secrets may be encrypted (keyid, iv)"),
    ('"size": 36893488147419103232', "a number beyond 64 bits has another name there"),
]
# QEMU 7.2 ends with a failed assertion when a node that is in an iothread gets another user.
ENDS_QEMU = ['"node-name": "x", "file": "f"}', '"node-name": "second"']
# Members of query replies whose values are not the same, or are of another kind.
VOLATILE = {"actual-size", "rd_total_time_ns", "wr_total_time_ns", "flush_total_time_ns",
            "rd_operations", "wr_operations", "rd_bytes", "wr_bytes", "flush_operations",
            "idle_time_ns", "wr_highest_offset", "date-sec", "date-nsec", "file"}
# Which member tells the things of a list apart.
KEYS = ("node-name", "label", "id", "name", "device")


class Daemon:
    """One of the two, in a folder of its own that holds the same images."""

    def __init__(self, program, folder, iothread):
        self.folder = folder
        self.events = []
        self.buffer = b""
        for name, size in ("disk.raw", "1M"), ("other", "1M"):
            subprocess.run(["truncate", "-s", size, name], cwd=folder, check=True)
        for name in "disk.img", "m":
            open(os.path.join(folder, name), "w", encoding="utf-8").close()
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "disk.qcow2", "16M"],
                       cwd=folder, check=True)
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(program + [
            "--pidfile", "daemon.pid",
            "--chardev", "socket,id=qmp,path=qmp.sock,server=on,wait=off",
            "--monitor", "chardev=qmp", "--object", "iothread,id=t0",
            "--blockdev", "driver=file,node-name=f,filename=disk.qcow2,aio=io_uring,"
            "cache.direct=on,discard=unmap",
            "--blockdev", "driver=qcow2,node-name=q,file=f",
            "--export", "type=fuse,id=e,node-name=q,mountpoint=disk.img,writable=on,growable=on"
            + (",iothread=t0" if iothread else "")],
            cwd=folder)
        self.socket = self.connect()
        self.line()
        self.ask(b'{"execute":"qmp_capabilities"}')

    def connect(self):
        """A connection to the monitor, as soon as there is one."""
        end = time.monotonic() + PATIENCE
        while not os.path.exists(os.path.join(self.folder, "daemon.pid")):
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit(f"{self.process.args[0]} does not start")
            time.sleep(0.02)
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(os.path.join(self.folder, "qmp.sock"))
        return client

    def line(self):
        """The next reply or event."""
        while b"\n" not in self.buffer:
            data = self.socket.recv(1 << 20)
            if not data:
                sys.exit(f"{self.process.args[0]} has gone")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        # Names that are made up have numbers of their own.
        return json.loads(re.sub(rb"#block\d+", b"#block", line))

    def ask(self, data, pieces=1):
        """The replies to some bytes, which arrive in so many pieces. FF ends what is incomplete."""
        step = max(1, -(-len(data) // pieces))
        for i in range(0, len(data), step):
            self.socket.sendall(data[i:i + step])
            if pieces > 1:
                time.sleep(0.001)
        self.socket.sendall(b'\xff\n{"execute":"query-version","id":"the mark"}\n')
        replies = []
        while True:
            message = self.line()
            if message.get("id") == "the mark":
                return replies
            (self.events if "event" in message else replies).append(message)

    def wait_for_event(self, matches):
        """Until there has been such an event."""
        while not any(matches(event) for event in self.events):
            message = self.line()
            self.events.append(message)

    def take_events(self):
        """The events so far, without their times."""
        events = [(event["event"], event.get("data")) for event in self.events]
        self.events = []
        return events

    def close(self):
        """Ends it and what it has mounted."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for name in "disk.img", "m":
            subprocess.run(["umount", "-l", name], cwd=self.folder, check=False,
                           stderr=subprocess.DEVNULL)


def key_of(item):
    """What tells it from others in its list, or None."""
    if isinstance(item, dict):
        for key in KEYS:
            if item.get(key):
                return item[key]
    return None


def contained(ours, theirs):
    """What of ours is not in theirs: a path, or None."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name in VOLATILE or name.endswith("_latency_histogram"):
                continue
            # QEMU rounds the size of a file up to sectors, and lays images out in its own way.
            if name == "virtual-size" and ours.get("format") == "file":
                continue
            # An overlay's file is opened as the one below is; in QEMU as the image below is.
            if name == "cache" and ours.get("file") == "top.qcow2":
                continue
            if name not in theirs:
                return f".{name} is not there"
            below = contained(value, theirs[name])
            if below:
                return f".{name}{below}"
        return None
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return f" has {len(ours)} items, there {len(theirs)}"
        if all(key_of(item) is not None for item in ours + theirs):
            ours, theirs = sorted(ours, key=key_of), sorted(theirs, key=key_of)
        for i, (mine, yours) in enumerate(zip(ours, theirs)):
            below = contained(mine, yours)
            if below:
                return f"[{i}]{below}"
        return None
    if isinstance(theirs, str) and theirs.startswith("json:"):
        return None  # QEMU's name for a node without a file
    return None if ours == theirs else f" is {ours!r}, there {theirs!r}"


def difference(data, mine, yours):
    """How two replies differ; None: they do not."""
    text = data.decode("utf-8", "replace")
    if mine.get("id") != yours.get("id"):
        return "the ids differ"
    if any(part in text for part, _ in ALLOWED):
        return None
    if ("error" in mine) != ("error" in yours):
        return "one succeeds"
    if any(part in text for part, _ in DIFFERENT):
        return None
    if "return" in mine and re.search("query-|qom-list", text):
        return contained(mine["return"], yours["return"])
    return None if mine == yours else "not the same"


def compare(data, answers):
    """Reports what differs; returns whether all is the same."""
    ours, theirs = answers
    why = None if len(ours) == len(theirs) else "another number of replies"
    for mine, yours in zip(ours, theirs):
        why = why or difference(data, mine, yours)
    if why:
        print(f"request {data!r}: {why}")
        print(f"  ours:   {str(ours)[:500]}\n  theirs: {str(theirs)[:500]}")
    return not why


def events_agree(what, daemons):
    """Waits for what ends a step and compares all events since the last one."""
    for daemon in daemons:
        if what == "job":
            daemon.wait_for_event(lambda event: event.get("data", {}).get("status") == "concluded")
        elif not daemon.events:
            daemon.wait_for_event(lambda event: True)
    ours, theirs = [daemon.take_events() for daemon in daemons]
    if ours != theirs:
        print(f"events:\n  ours:   {ours}\n  theirs: {theirs}")
    return ours == theirs


def run(program, iothread):
    """Starts both and tells them everything: how many requests, how many differ, our status."""
    count = failures = 0
    with tempfile.TemporaryDirectory(dir=".") as one, tempfile.TemporaryDirectory(dir=".") as two:
        daemons = [Daemon([program, "daemon"], one, iothread),
                   Daemon(["qemu-storage-daemon"], two, iothread)]
        try:
            for case in all_cases():
                if isinstance(case, str):
                    failures += not events_agree(case, daemons)
                    continue
                if iothread and any(part in case.decode("latin-1") for part in ENDS_QEMU):
                    continue
                count += 1
                # Every seventh arrives in many packets.
                pieces = 20 if count % 7 == 0 else 1
                failures += not compare(case, [daemon.ask(case, pieces) for daemon in daemons])
        finally:
            for daemon in daemons:
                daemon.close()
        statuses = [daemon.process.returncode for daemon in daemons]
    print(f"{count} requests compared, {failures} differ; exit statuses {statuses}")
    return failures == 0 and count >= 200 and statuses[0] == 0


def main():
    results = [run(sys.argv[1], iothread) for iothread in (True, False)]
    sys.exit(0 if all(results) else 1)


main()
