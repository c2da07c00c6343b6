#!/usr/bin/env python3
"""Tests of tidy.py: each rule finds what it is for, in a tree made for it, and nothing else."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # pylint: disable=wrong-import-position


def findings(check, files):
    """What a check says about a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        tree = tidy.Tree(root)
        check(tree)
        return "\n".join(tree.findings)


class TidyTest(unittest.TestCase):
    """One test for each rule."""

    def test_long_file(self):
        self.assertIn("501, limit 500",
                      findings(tidy.check_sizes, {"core/a.cc": "// A.\n" + "\n" * 500}))

    def test_long_public_header(self):
        self.assertIn("202, limit 200", findings(
            tidy.check_sizes, {"include/core/a.h": "// A.\n#pragma once\n" + "\n" * 200}))

    def test_long_line(self):
        self.assertIn("a.cc:2: 101 columns",
                      findings(tidy.check_sizes, {"core/a.cc": "// A.\n" + "x" * 101}))

    def test_first_comment(self):
        self.assertIn("what the file does", findings(tidy.check_sizes, {"core/a.cc": "int a;\n"}))

    def test_long_function(self):
        body = "// A.\nint f() {\n" + "  g();\n" * 80 + "}\n"
        self.assertIn("lines in f: 82", findings(tidy.check_functions, {"core/a.cc": body}))

    def test_fat_interface(self):
        text = "class A {\n virtual ~A();\n" + " virtual void f();\n" * 13 + "};\n"
        self.assertIn("virtual functions of A: 13",
                      findings(tidy.check_interfaces, {"include/core/a.h": text}))

    def test_layers(self):
        files = {"include/fuse/slot.h": "// S.\n", "block/a.cc": '// A.\n#include "fuse/slot.h"\n'}
        self.assertIn("block must not include from fuse", findings(tidy.check_includes, files))

    def test_private_header(self):
        files = {"core/engines.h": "// E.\n", "block/a.cc": '// A.\n#include "core/engines.h"\n'}
        self.assertIn("private to core", findings(tidy.check_includes, files))

    def test_generated_header(self):
        files = {"block/a.cc": '// A.\n#include "qapi/generated/types.h"\n',
                 "core/a.cc": '// A.\n#include "qapi/generated/types.h"\n'}
        self.assertEqual("core/a.cc:2: core must not include from qapi",
                         findings(tidy.check_includes, files))

    def test_fences(self):
        for header in ("liburing.h", "libaio.h", "glib.h", "zstd.h", "nlohmann/json.hpp",
                       "fuse3/fuse_lowlevel.h", "cmocka.h"):
            self.assertIn("is fenced", findings(
                tidy.check_includes, {"core/a.cc": f"// A.\n#include <{header}>\n"}))
        self.assertIn("is fenced", findings(
            tidy.check_includes, {"include/core/a.h": "// A.\n#include <fmt/core.h>\n"}))
        self.assertEqual("", findings(
            tidy.check_includes, {"core/engine_aio.cc": "// A.\n#include <libaio.h>\n"}))

    def test_patterns(self):
        for line, why in (("r = co_await a(co_await b());", "one co_await"),
                          ("using namespace std;", "spell std"),
                          ("throw 1;", "errors travel"),
                          ("f();  // TO" + "DO later", "leftover"),
                          ("f();  // a stopgap for now", "unfinished")):
            self.assertIn(why, findings(tidy.check_patterns, {"core/a.cc": f"// A.\n{line}\n"}))
        self.assertEqual("", findings(
            tidy.check_patterns, {"core/a.cc": '// A.\nLog("never throw a stone");\n'}))

    def test_workplace(self):
        own = "/ho" + "me/jane/fusebay"
        for line in (f"see {own}", f'open("{own}");', f"cd {own} && make", "/tm" + "p/jane/a"):
            self.assertIn("path of one workplace",
                          findings(tidy.check_patterns, {"docs/A.md": f"{line}\n"}))
        self.assertIn("a list that", findings(tidy.check_patterns,
                                              {"docs/A.md": "see iss" + "ue 7\n"}))
        for line in ("/dev/fuse", "and/or/not", "https://a.example/b/c", '"$dir"/one/two',
                     "f(a + \"/on" + "e/two\");", "/tmp/fusebay-1/a", "awk '/word/ {print}'"):
            self.assertEqual("", findings(tidy.check_patterns, {"docs/A.md": f"{line}\n"}))

    def test_untested_source(self):
        files = {"core/a.cc": "// A.\n"}
        self.assertIn("no tests/unit/core/a_test.cc", findings(tidy.check_tests, files))
        files["tests/unit.exclude"] = "core/a.cc: tested through b\n"
        self.assertEqual("", findings(tidy.check_tests, files))
        files["tests/unit.exclude"] = "core/a.cc:\n"
        self.assertIn("no reason", findings(tidy.check_tests, files))
        files["tests/unit.exclude"] = "core/gone.cc: why\n"
        self.assertIn("no file core/gone.cc", findings(tidy.check_tests, files))

    def test_unregistered_test(self):
        files = {"tests/io/a-b.sh": "# A.\n", "tests/io/meson.build": "test('c-d')\n"}
        self.assertIn("no meson.build runs it", findings(tidy.check_tests, files))
        files["tests/io/meson.build"] = "foreach name : ['a-b']\n"
        self.assertEqual("", findings(tidy.check_tests, files))

    def test_type_of_a_test_outside_its_namespace(self):
        bad = "// A.\nnamespace a::test {\nstruct Scene {\n};\n}  // namespace a::test\n"
        good = "// A.\nnamespace {\nstruct Scene {\n};\n}  // namespace\n"
        for text, found in ((bad, 1), (good, 0)):
            files = {"tests/unit/core/a_test.cc": text}
            self.assertEqual(found, findings(tidy.check_test_names, files).count("unnamed"))

    def test_format(self):
        self.assertIn("clang-format-19 -i is due",
                      findings(tidy.check_format, {"core/a.cc": "// A.\nint   a ;\n"}))

    def test_ratchet(self):
        tidy.RATCHET["core/a.cc"] = 600
        try:
            big = {"core/a.cc": "// A.\n" + "\n" * 600}
            self.assertIn("601, limit 600", findings(tidy.check_sizes, big))
            small = {"core/a.cc": "// A.\n" + "\n" * 550}
            self.assertIn("lower its ratchet", findings(tidy.check_sizes, small))
        finally:
            del tidy.RATCHET["core/a.cc"]


unittest.main()
