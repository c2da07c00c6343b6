#!/usr/bin/env python3
"""Tests of the schema generator: what it refuses, and what it makes.

usage: gen_test.py QAPI_GEN_DIR
"""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
import cxx_commands  # pylint: disable=wrong-import-position
import cxx_types  # pylint: disable=wrong-import-position
import introspect  # pylint: disable=wrong-import-position
import manual  # pylint: disable=wrong-import-position
from schema import Schema  # pylint: disable=wrong-import-position
from schema_text import SchemaError  # pylint: disable=wrong-import-position


def doc(name, *lines):
    """A documentation comment."""
    return "\n".join(["##", f"# @{name}:", "#", "# Text.", "#", *("# " + l for l in lines), "##\n"])


COLOUR = doc("Colour", "@red: R.", "@light-blue: B.") + \
    "{ 'enum': 'Colour', 'data': [ 'red', 'light-blue' ] }\n"
CAR = doc("Car", "@wheels: W.") + "{ 'struct': 'Car', 'data': { '*wheels': 'int' } }\n"


def load(text, **others):
    """The schema of a text; `others` are files that it may include."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"main": text, **others}.items():
            with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
                file.write(content)
        return Schema(os.path.join(folder, "main.json"))


class RefusalTest(unittest.TestCase):
    """What is wrong is named."""

    def refused(self, text, why):
        with self.assertRaises(SchemaError) as caught:
            load(text)
        self.assertIn(why, str(caught.exception))
        self.assertRegex(str(caught.exception), r"main\.json:\d+: ")

    def test_type_without_documentation(self):
        self.refused("{ 'struct': 'Car', 'data': {} }", "struct 'Car' is not documented")

    def test_type_without_text(self):
        self.refused("##\n# @Car:\n##\n{ 'struct': 'Car', 'data': {} }",
                     "struct 'Car' is not described")

    def test_member_without_documentation(self):
        self.refused(doc("Car") + "{ 'struct': 'Car', 'data': { '*wheels': 'int' } }",
                     "member 'wheels' of struct 'Car' is not documented")

    def test_member_with_empty_documentation(self):
        self.refused(doc("Car", "@wheels:") + "{ 'struct': 'Car', 'data': { 'wheels': 'int' } }",
                     "member 'wheels' of struct 'Car' is not documented")

    def test_value_without_documentation(self):
        self.refused(doc("Colour", "@red: R.") + "{ 'enum': 'Colour', 'data': [ 'red', 'blue' ] }",
                     "member 'blue' of enum 'Colour' is not documented")

    def test_argument_without_documentation(self):
        self.refused(doc("drive") + "{ 'command': 'drive', 'data': { 'speed': 'int' } }",
                     "member 'speed' of command 'drive' is not documented")

    def test_result_without_documentation(self):
        self.refused(doc("drive") + "{ 'command': 'drive', 'returns': 'int' }",
                     "what command 'drive' returns is not documented")

    def test_feature_without_documentation(self):
        self.refused(doc("drive") + "{ 'command': 'drive', 'features': [ 'fast' ] }",
                     "feature 'fast' of command 'drive' is not documented")

    def test_documentation_of_no_member(self):
        self.refused(doc("Car", "@doors: D.") + "{ 'struct': 'Car', 'data': {} }",
                     "struct 'Car' has no member 'doors' to be documented")

    def test_documentation_of_another(self):
        self.refused(doc("Bus") + "{ 'struct': 'Car', 'data': {} }",
                     "documentation of 'Bus' stands before 'Car'")

    def test_unknown_type(self):
        self.refused(doc("Car", "@c: C.") + "{ 'struct': 'Car', 'data': { 'c': 'Colour' } }",
                     "there is no type 'Colour'")

    def test_unknown_key(self):
        self.refused(doc("Car") + "{ 'struct': 'Car', 'data': {}, 'if': 'X' }",
                     "'if' has no meaning in struct 'Car'")

    def test_two_definitions(self):
        self.refused(CAR + CAR, "'Car' is defined twice")

    def test_branch_of_no_value(self):
        union = doc("Any", "@c: C.") + "{ 'union': 'Any', 'base': { 'c': 'Colour' }, " \
            "'discriminator': 'c', 'data': { 'green': 'Car' } }"
        self.refused(COLOUR + CAR + union, "'green' is no value of 'Colour'")

    def test_branch_that_repeats_the_base(self):
        union = doc("Any", "@c: C.", "@wheels: W.") + "{ 'union': 'Any', 'base': { " \
            "'c': 'Colour', 'wheels': 'int' }, 'discriminator': 'c', 'data': { 'red': 'Car' } }"
        self.refused(COLOUR + CAR + union, "has a member 'wheels' as the base has")

    def test_alternate_of_one_kind(self):
        text = doc("A", "@a: A.", "@b: B.") + "{ 'alternate': 'A', 'data': { 'a': 'str', 'b': " \
            "'Colour' } }"
        self.refused(COLOUR + text, "cannot be told apart")

    def test_syntax(self):
        self.refused("{ 'struct' 'Car' }", "expected ':', not 'Car'")
        self.refused("{ struct: 'Car' }", "stray 's'")


class OutputTest(unittest.TestCase):
    """What is made of a schema."""

    def test_cxx_types(self):
        text = cxx_types.emit(load(COLOUR + CAR))
        self.assertIn("  kLightBlue,\n", text)
        self.assertIn("  // W.\n  std::optional<std::int64_t> wheels;\n", text)

    def test_type_that_contains_itself_is_boxed(self):
        text = cxx_types.emit(load(doc("Car", "@towed: T.") +
                                   "{ 'struct': 'Car', 'data': { '*towed': 'Car' } }"))
        self.assertIn("std::optional<Box<Car>> towed;", text)

    def test_base_comes_first(self):
        bus = doc("Bus", "@seats: S.") + \
            "{ 'struct': 'Bus', 'base': 'Car', 'data': { 'seats': 'int' } }"
        text = cxx_types.emit(load(bus + CAR))
        self.assertRegex(text, r"struct Bus \{\n.*\n.*wheels;\n.*\n.*seats\{\};")

    def test_keyword_is_no_name(self):
        text = cxx_types.emit(load(doc("Car", "@auto: A.") +
                                   "{ 'struct': 'Car', 'data': { 'auto': 'bool' } }"))
        self.assertIn("bool auto_{};", text)

    def test_command(self):
        schema = load(CAR + doc("drive-fast", "Returns: R.") + "{ 'command': 'drive-fast', 'data': "
                      "'Car', 'returns': [ 'Car' ], 'allow-oob': true }")
        text = cxx_commands.emit_commands_h(schema)
        self.assertIn('.name = "drive-fast", .allow_oob = true', text)
        self.assertIn("using Arguments = Car;", text)
        self.assertIn("using Return = std::vector<Car>;", text)

    def test_introspection_hides_type_names(self):
        schema = load(COLOUR + CAR + doc("paint", "@c: C.") +
                      "{ 'command': 'paint', 'data': { 'c': [ 'Colour' ] } }")
        infos = {info["name"]: info for info in introspect.Introspection(schema).infos}
        self.assertEqual(infos["paint"], {"name": "paint", "meta-type": "command", "arg-type": "0",
                                          "ret-type": "1"})
        self.assertEqual(infos["0"]["members"], [{"name": "c", "type": "[2]"}])
        self.assertEqual(infos["[2]"]["element-type"], "2")
        self.assertEqual(infos["2"]["values"], ["red", "light-blue"])
        self.assertNotIn("Car", str(infos))

    def test_manual(self):
        text = manual.emit(load("##\n# = Cars\n#\n# About\n# them.\n##\n" + COLOUR + CAR))
        self.assertIn("## Cars\n\nAbout them.\n", text)
        self.assertIn("- `wheels` (`int`, optional): W.\n", text)

    def test_include_is_read_once(self):
        schema = load("{ 'include': 'car.json' }\n{ 'include': 'car.json' }\n", car=CAR)
        self.assertEqual([t.name for t in schema.defined("struct")], ["Car"])


if __name__ == "__main__":
    unittest.main()
