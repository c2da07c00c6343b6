#!/usr/bin/env python3
"""Gives the same input to our QMP and to QEMU's and compares the replies.

usage: qmp_compare.py REPLAY_PROGRAM texts|random-json|random-bytes

Intended differences: the order of members, which QEMU takes from its hash table; messages of
commands whose arguments are good, since ours do nothing; of several mistakes in one request
QEMU names the first in hash order, we name the first; a number beyond a double's range is an error,
where QEMU replies `inf`; a long text in a message is cut.
"""
import json
import os
import random
import re
import sys

from qmp_cases import OOB, SESSIONS, TEXTS, commands
from qmp_peer import open_both

SEED = int(os.environ.get("FUSEBAY_TEST_SEED", "1"))
ROUNDS = 3000
GOOD = "the arguments are good"
# FF resets the parser wherever it is, so that the mark that follows is understood.
RESET = b"\xff"


def mark(number):
    """A request that is answered with its number."""
    text = f"mark-{number}"
    return RESET + b'\n{"execute":"query-version","id":"%s"}\n' % text.encode(), text.encode()


def normal(lines):
    """Replies, but for what is meant to differ. Events are dropped."""
    result = []
    for line in lines:
        try:
            reply = json.loads(line)
        except ValueError:
            result.append(line)
            continue
        if "event" in reply:
            continue
        if "package" in str(reply.get("return")):
            reply["return"] = "version"
        result.append(reply)
    return result


def same(mine, yours):
    """Whether two replies are the same, or name two members of which neither should be there."""
    if isinstance(mine, dict) and isinstance(yours, dict) and mine.get("id") == yours.get("id"):
        texts = [reply.get("error", {}).get("desc", "") for reply in (mine, yours)]
        if all(re.fullmatch("(Parameter|QMP input member) '.*' is unexpected", t) for t in texts):
            return True
    return mine == yours


def is_about_arguments(reply):
    """Whether it is a complaint of the dispatcher, rather than of the command itself."""
    text = reply.get("error", {}).get("desc", "") if isinstance(reply, dict) else ""
    return any(part in text for part in ("is missing", "is unexpected", "does not accept value",
                                         "Invalid parameter type", "expects ", "QMP input", "JSON"))


def agree(ours, theirs):
    """Whether the two answers are the same, seen so."""
    if len(ours) != len(theirs):
        return False
    for mine, yours in zip(ours, theirs):
        if isinstance(mine, dict) and mine.get("error", {}).get("desc") == GOOD:
            if is_about_arguments(yours) or mine.get("id") != yours.get("id"):
                return False
        elif not same(mine, yours):
            return False
    return True


class Comparison:
    """Two servers, and how many inputs they have agreed on."""

    def __init__(self, replay, negotiated=True):
        self.replay = replay
        self.servers = open_both(replay, negotiated)
        self.count = 0
        self.failures = 0

    def compare(self, data):
        self.count += 1
        try:
            answers = [normal(server.ask(data, mark(self.count))) for server in self.servers]
        except (RuntimeError, OSError) as error:
            sys.exit(f"input {data!r}: {error}")
        if not agree(*answers):
            self.failures += 1
            print(f"input {data!r}\n  ours:   {answers[0]}\n  theirs: {answers[1]}")

    def session(self, texts):
        """One conversation from its beginning."""
        self.servers = open_both(self.replay, negotiated=False)
        for text in texts:
            self.compare(text.encode())
        self.close()

    def close(self):
        for server in self.servers:
            server.close()

    def finish(self):
        self.close()
        print(f"{self.count} inputs compared, {self.failures} differ (seed {SEED})")
        sys.exit(1 if self.failures else 0)


PIECES = ["a", "b", " ", "\\n", "\\u00e4", "\u00e4", "\\ud83d\\ude00", "\\ud800", "\\'", '\\"',
          "\\/", "\\q", "{", "\x7f", "\u20ac", "\U0001F600"]


def random_value(dice, depth):
    kind = dice.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return dice.choice(["null", "true", "false", "nul", "truE", "x"])
    if kind == 1:
        return str(dice.choice([0, 1, -1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -2**63, 1.5,
                                "1e5", "0.25", "-0.0", "01", "1.", "1e-3", -2**63 - 1]))
    if kind < 6:
        quote = dice.choice("\"\"\"'")
        return quote + "".join(dice.choice(PIECES) for _ in range(dice.randrange(4))) + quote
    items = [random_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    if kind == 6:
        separator = dice.choice([", ", ",", " "] if dice.random() < 0.1 else [", "])
        return "[" + separator.join(items) + "]"
    keys = [f'"k{i}"' if dice.random() < 0.9 else dice.choice(['"k0"', "7", "{}", ""])
            for i in range(len(items))]
    return "{" + ",".join(f"{k}{dice.choice([':', ' : ']) if dice.random() < 0.95 else ' '}{v}"
                          for k, v in zip(keys, items)) + "}"


def random_json(comparison, dice):
    for _ in range(ROUNDS):
        text = random_value(dice, 0)
        if dice.random() < 0.7:
            text = '{"execute":"query-version","id":%s}' % text
        comparison.compare(text.encode("utf-8", "surrogatepass") + b"\n")


def random_bytes(comparison, dice):
    alphabet = [bytes([b]) for b in b'{}[]:,"\'\\ \n\t0123456789-+.eEabtrufalsn@%'
                b"\x01\x7f\x80\xc3\xa4\xf0\xfd\xfe\xff"]
    words = [b"true", b"null", b'"a"', b'{"a":1}', b"[1,2]", b'{"execute":"query-version"}',
             b"\\u00"]
    for _ in range(ROUNDS):
        data = b"".join(dice.choice(alphabet if dice.random() < 0.7 else words)
                        for _ in range(dice.randrange(1, 25)))
        comparison.compare(data + b"\n")


def main():
    replay, part = sys.argv[1:]
    dice = random.Random(SEED)
    comparison = Comparison(replay)
    if part == "texts":
        for data in TEXTS + [text.encode() for text in commands()]:
            comparison.compare(data + b"\n")
        for texts in SESSIONS:
            comparison.session(texts)
        comparison.session(OOB)
    elif part == "random-json":
        random_json(comparison, dice)
    else:
        random_bytes(comparison, dice)
    comparison.finish()


main()
