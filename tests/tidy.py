#!/usr/bin/env python3
"""Checks the shape of the tree: sizes, layers, fenced headers, banned patterns, missing tests.

usage: tidy.py [ROOT]

Prints a line `path:line: what` for each finding and ends with status 1 if there was one. Limits go
down only: a file over a limit is frozen at its size in RATCHET below, and may shrink, never grow.
"""
import json
import os
import re
import shutil
import subprocess
import sys

FILE_LINES_MAX = 500
PUBLIC_HEADER_LINES_MAX = 200
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
INTERFACE_VIRTUALS_MAX = 12

# path, or path:function, or path:Class -> the size at which it was frozen.
RATCHET: dict[str, int] = {}

# What each layer may include besides itself. block and fuse never see each other.
LAYERS = {
    "base": set(),
    "core": {"base"},
    "qapi": {"base", "core"},
    "block": {"base", "core", "qapi"},
    "fuse": {"base", "core", "qapi"},
    "export": {"base", "core", "qapi", "block", "fuse"},
    "tools": {"base", "core", "qapi", "block", "fuse", "export"},
}

# Third-party headers, and the only files that may include them. fmt is for any .cc of a layer.
FENCES = [
    (r"fuse3?/|fuse_lowlevel\.h|fuse\.h", r"fuse/transport/libfuse_mount\.cc"),
    (r"liburing", r"core/engine_uring\.cc|fuse/transport/uring_\w+\.cc"),
    (r"libaio\.h", r"core/engine_aio\.cc"),
    (r"glib|gio/", r"core/glib_bridge\.cc|qapi/qmp/\w+\.cc|tools/options\.cc"),
    (r"zstd\.h|zlib\.h|libdeflate\.h",
     r"block/qcow2/qcow2_compress\.cc|tests/unit/block/qcow2/\w+_test\.cc"),
    (r"nlohmann/", r"block/qcow2/qcow2_backing\.cc|qapi/.*\.cc|tools/\w+\.cc|tests/.*\.cc"),
    (r"fmt/", r".*\.cc|pch/standard\.h"),
    (r"cmocka\.h", r"tests/lib/cmocka_bridge\.cc"),
]

NOT_CODE_COMMENTS = r"not (yet )?implemented|for now\b|placeholder\b"
BANNED = [
    (r"\bco_await\b[^;]*\[[^\]]*[&=\w][^\]]*\]\s*\([^)]*\)\s*(mutable\s*)?->\s*Task",
     "a capturing lambda coroutine outlives its captures; write a named function"),
    (r"(?<!operator )\bco_await\b.*(?<!operator )\bco_await\b", "one co_await per statement"),
    (r"\busing\s+namespace\s+std\s*;", "spell std:: out"),
    # std::thread throws system_error, and nothing else tells that there is no thread to be had.
    (r"\bthrow\b|\bcatch\s*\((?!const std::system_error)", "errors travel in Result"),
    (r"\bstd::(format|expected|print)\b", "not in libstdc++ 12"),
    (r"\bassert\s*\(", "use FB_ASSERT, which stays on in release"),
]
MAY_THROW = {"tests/lib/check.h", "tests/lib/cmocka_bridge.cc"}
# Words that must not stand anywhere in the tree; built from parts so that they do not stand here.
LEFTOVERS = [
    (r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", "leftover marker"),
    (r"\bissues? *#?[0-9]", "speaks of a list that a reader does not have"),
]
# An absolute path that is not the later part of one, and what it may begin with: folders that every
# system has, and names that are plainly made up. Anything else is somebody's own folder.
ABSOLUTE_PATH = r"(?<![\w.~$}/*)\]>%+-])(?<!\w\")(?<!\+ \")/[A-Za-z][\w.-]*/[\w.-]+"
KNOWN_PATHS = (r"/(dev|etc|proc|sys|usr|run|var|bin|sbin|lib|mnt|srv)/|/home/user\b|"
               r"/tmp/(fusebay|none)|/(a|b|x|disks|images|no|nowhere|nonexistent|nope)/|"
               r"/(objects|path)/")

CXX = (".cc", ".h")
SCRIPTS = (".sh", ".py")
TESTED_LAYERS = ("core", "qapi", "block", "fuse", "export", "tools")


class Tree:
    """The files of one tree, read once, and the findings about them."""

    def __init__(self, root):
        self.root = root
        self.findings = []
        self.texts = {}
        for path in self._list():
            try:
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    self.texts[path] = file.read()
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue

    def _list(self):
        git = subprocess.run(["git", "-C", self.root, "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True, check=False)
        if git.returncode == 0:
            return sorted(p for p in git.stdout.decode().split("\0") if p)
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if not f.startswith((".", "build"))]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
        return sorted(found)

    def emit(self, path, line, what):
        """Notes one finding."""
        self.findings.append(f"{path}:{line}: {what}")

    def limit(self, path, line, key, size, limit, what):
        """Notes a size over its limit, or a ratchet that can be lowered."""
        frozen = RATCHET.get(key)
        if size > (frozen or limit):
            self.emit(path, line, f"{what}: {size}, limit {frozen or limit}")
        elif frozen and size < frozen:
            self.emit(path, line, f"{what}: only {size} now: lower its ratchet from {frozen}")

    def code(self, *suffixes):
        """(path, lines) of the files that end so."""
        for path, text in self.texts.items():
            if path.endswith(suffixes):
                yield path, text.splitlines()


def check_sizes(tree):
    """Lines per file, columns per line, a first comment."""
    for path, lines in tree.code(*CXX, *SCRIPTS):
        limit = PUBLIC_HEADER_LINES_MAX if path.startswith("include/") else FILE_LINES_MAX
        tree.limit(path, 1, path, len(lines), limit, "lines in the file")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS_MAX:
                tree.emit(path, number, f"{len(line)} columns, limit {LINE_COLUMNS_MAX}")
            if line != line.rstrip():
                tree.emit(path, number, "white space at the end of the line")
        if path.endswith(CXX) and not (lines and lines[0].startswith("//")):
            tree.emit(path, 1, "the first line must say what the file does")
        if path.endswith(".sh"):
            first = [line for line in lines[:2] if not line.startswith("#!")]
            if not (first and first[0].startswith("# ")):
                tree.emit(path, 1, "the first comment must say what the test shows")
        if path.endswith(".h") and "#pragma once" not in lines:
            tree.emit(path, 1, "no #pragma once")


def functions(root, paths):
    """(path, name, line, length) of every C++ function, from ctags."""
    if not paths:
        return
    run = subprocess.run(
        ["ctags", "--output-format=json", "--fields=+ne", "--kinds-C++=f", "--language-force=C++",
         "-f", "-", "-L", "-"], cwd=root, input="\n".join(paths), capture_output=True, text=True,
        check=False)
    for line in run.stdout.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            yield tag["path"], tag["name"], tag["line"], tag["end"] - tag["line"] + 1


def check_functions(tree):
    """Lines per function."""
    if not needs("ctags", "function lengths"):
        return
    for path, name, line, length in functions(tree.root, [p for p, _ in tree.code(*CXX)]):
        tree.limit(path, line, f"{path}:{name}", length, FUNCTION_LINES_MAX, f"lines in {name}")


def class_bodies(text):
    """(name, line, body) of every class or struct that is defined in the text."""
    start = r"^\s*(?:class|struct)\s+(?:\[\[\w+\]\]\s*)?(\w+)[^;{()]*\{"
    for match in re.finditer(start, text, re.M):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield match[1], text.count("\n", 0, match.start()) + 1, text[match.end():end]


def check_interfaces(tree):
    """Virtual functions per class, without the destructor."""
    for path, lines in tree.code(".h"):
        text = "\n".join(line.split("//")[0] for line in lines)
        for name, line, body in class_bodies(text):
            count = len(re.findall(r"\bvirtual\b(?!\s*~)", body))
            tree.limit(path, line, f"{path}:{name}", count, INTERFACE_VIRTUALS_MAX,
                       f"virtual functions of {name}")


def layer_of(path):
    """The layer that a file belongs to, or None."""
    parts = path.split("/")
    layer = parts[1] if parts[0] == "include" and len(parts) > 2 else parts[0]
    return layer if layer in LAYERS else None


def is_generated(header):
    """Whether the build makes the header, of the schema."""
    return re.fullmatch(r"qapi/generated/\w+\.h", header) is not None


def check_includes(tree):
    """Layers see only what is below, and of that only include/; third-party headers are fenced."""
    for path, lines in tree.code(*CXX):
        layer = layer_of(path)
        for number, line in enumerate(lines, 1):
            match = re.match(r'#\s*include\s*(["<])([^">]+)[">]', line)
            if not match:
                continue
            header = match[2]
            other = header.split("/")[0]
            if match[1] == '"' and layer and other in LAYERS and other != layer:
                if other not in LAYERS[layer]:
                    tree.emit(path, number, f"{layer} must not include from {other}")
                elif f"include/{header}" not in tree.texts and not is_generated(header):
                    tree.emit(path, number, f"{header} is private to {other}")
            if match[1] == '"' and path.startswith("include/"):
                if f"include/{header}" not in tree.texts and not is_generated(header):
                    tree.emit(path, number, f"{header} is not public")
            if match[1] == "<":
                for fenced, allowed in FENCES:
                    if re.match(fenced, header) and not re.fullmatch(allowed, path):
                        tree.emit(path, number, f"<{header}> is fenced")


def check_patterns(tree):
    """Banned C++ and leftovers of work in progress."""
    for path, lines in tree.code(*CXX):
        for number, line in enumerate(lines, 1):
            code, _, comment = line.partition("//")
            code = re.sub(r'"(\\.|[^"\\])*"', '""', code)
            for pattern, why in BANNED:
                if re.search(pattern, code) and not (path in MAY_THROW and "travel" in why):
                    tree.emit(path, number, why)
            if re.search(NOT_CODE_COMMENTS, comment, re.I):
                tree.emit(path, number, "words of an unfinished thing")
    for path, text in tree.texts.items():
        if path == "COPYING":
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, why in LEFTOVERS:
                if re.search(pattern, line):
                    tree.emit(path, number, why)
            for found in re.findall(ABSOLUTE_PATH, line):
                if not re.match(KNOWN_PATHS, found):
                    tree.emit(path, number, f"{found} is a path of one workplace")


def read_excludes(tree):
    """path -> reason, from tests/unit.exclude; every line must have both."""
    excludes = {}
    for number, line in enumerate(tree.texts.get("tests/unit.exclude", "").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        path, _, reason = line.partition(":")
        if not reason.strip():
            tree.emit("tests/unit.exclude", number, f"no reason for {path}")
        if path not in tree.texts:
            tree.emit("tests/unit.exclude", number, f"no file {path}")
        elif unit_test_of(path) in tree.texts:
            tree.emit("tests/unit.exclude", number, f"{path} has a test: drop the line")
        excludes[path] = reason.strip()
    return excludes


def unit_test_of(path):
    """Where the unit test of a source file lives."""
    return f"tests/unit/{path[:-3]}_test.cc"


def check_tests(tree):
    """Every source has a test or a reason; every test is run by meson."""
    excludes = read_excludes(tree)
    for path, _ in tree.code(".cc"):
        if path.split("/")[0] in TESTED_LAYERS and path not in excludes:
            if unit_test_of(path) not in tree.texts:
                tree.emit(path, 1, f"no {unit_test_of(path)}, nor a reason in tests/unit.exclude")
    builds = {path: text for path, text in tree.texts.items() if path.endswith("meson.build")}
    for path in tree.texts:
        folder, name = os.path.split(path)
        if not re.match(r"tests/(unit/.*_test\.cc|(io|interop)/[^/]*\.sh)$", path):
            continue
        if path.startswith("tests/i") and name in ("lib.sh", "daemon-lib.sh", "peer.sh",
                                                   "images.sh"):
            continue
        stem = re.sub(r"(_test\.cc|\.sh)$", "", name)
        near = "".join(text for build, text in builds.items()
                       if folder.startswith(os.path.dirname(build)) or
                       os.path.dirname(build).startswith(folder))
        if f"{stem}'" not in near and f"{stem}_test" not in near:
            tree.emit(path, 1, "no meson.build runs it")


def check_test_names(tree):
    """The tests of a folder are one program: what a file defines is its own."""
    for path, lines in tree.code(".cc"):
        if not re.match(r"tests/unit/.*_test\.cc$", path):
            continue
        own = False
        for number, line in enumerate(lines, 1):
            if line.startswith("namespace {"):
                own = True
            elif line == "}  // namespace":
                own = False
            elif not own and re.match(r"(struct|class|enum) .*{", line):
                tree.emit(path, number, "a type of a test goes into an unnamed namespace")


def check_format(tree):
    """clang-format-19 has nothing to change."""
    if not needs("clang-format-19", "the format"):
        return
    paths = [path for path, _ in tree.code(*CXX)]
    run = subprocess.run(["clang-format-19", "--dry-run", *paths], cwd=tree.root,
                         capture_output=True, text=True, check=False)
    seen = set()
    for line in run.stderr.splitlines():
        match = re.match(r"(?:\./)?([^:]+):(\d+):\d+: warning: code should be", line)
        if match and match[1] not in seen:
            seen.add(match[1])
            tree.emit(match[1], match[2], "clang-format-19 -i is due")


def needs(program, what):
    """Whether the program is there; in CI it must be."""
    if shutil.which(program):
        return True
    print(f"tidy: {program} is not installed: {what} NOT CHECKED", file=sys.stderr)
    if os.environ.get("CI"):
        sys.exit(1)
    return False


CHECKS = [check_sizes, check_functions, check_interfaces, check_includes, check_patterns,
          check_tests, check_test_names, check_format]


def main():
    """Runs every check."""
    default = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else default)
    if not tree.texts:
        sys.exit(f"tidy: no files in {tree.root}")
    for check in CHECKS:
        check(tree)
    for finding in tree.findings:
        print(finding)
    sys.exit(1 if tree.findings else 0)


if __name__ == "__main__":
    main()
