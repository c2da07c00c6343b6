"""The schema as objects: types, commands, events; refuses what is wrong or undocumented."""
import re

import schema_text
from doc import Doc
from schema_text import SchemaError

# name -> (C++ type, JSON type, name in introspection)
BUILTINS = {
    "str": ("std::string", "string", "str"), "bool": ("bool", "boolean", "bool"),
    "number": ("double", "number", "number"), "any": ("JsonValue", "value", "any"),
    "null": ("JsonNull", "null", "null"), "size": ("std::uint64_t", "int", "int"),
    "int": ("std::int64_t", "int", "int"),
}
for _bits in (8, 16, 32, 64):
    BUILTINS[f"int{_bits}"] = (f"std::int{_bits}_t", "int", "int")
    BUILTINS[f"uint{_bits}"] = (f"std::uint{_bits}_t", "int", "int")

KEYS = {
    "enum": {"data", "features"},
    "struct": {"data", "base", "features"},
    "union": {"data", "base", "discriminator", "features"},
    "alternate": {"data", "features"},
    "command": {"data", "returns", "boxed", "allow-oob", "allow-preconfig", "features"},
    "event": {"data", "boxed", "features"},
}


class Type:
    """A type; `kind` is builtin, array, enum, struct, union or alternate."""

    def __init__(self, name, kind, where=None, doc=None, features=()):
        self.name = name
        self.kind = kind
        self.where = where
        self.doc = doc
        self.features = list(features)
        self.element = None       # of an array
        self.members = []         # Member of a struct, an alternate, a union's base; with a base's
        self.values = []          # of an enum
        self.discriminator = None
        self.branches = {}        # of a union: value -> Type, where it has members


class Member:
    """A member of a struct, or of an alternate."""

    def __init__(self, name, type_, optional, features=(), text=""):
        self.name = name
        self.type = type_
        self.optional = optional
        self.features = list(features)
        self.text = text
        self.boxed = False  # it would contain itself


class Command:
    """A command (`returns`: Type or None) or an event."""

    def __init__(self, name, where, doc, arguments, features):
        self.name = name
        self.where = where
        self.doc = doc
        self.arguments = arguments  # a Type, None: none
        self.features = list(features)
        self.returns = None
        self.allow_oob = False
        self.allow_preconfig = False


class Schema:
    """Everything, in the order of the files."""

    def __init__(self, path):
        self.types = {name: Type(name, "builtin") for name in BUILTINS}
        self.commands = []
        self.events = []
        self.items = []  # what the manual shows: FreeText, Type, Command, in order
        self._arrays = {}
        items = schema_text.read(path)
        self._expressions = {}
        for item in items:
            if isinstance(item, schema_text.Expression):
                self._declare(item)
        for item in items:
            if isinstance(item, schema_text.FreeText):
                self.items.append(item)
            else:
                self.items.append(self._define(item))
        self._check_unions()
        self._box_recursion()

    def defined(self, *kinds):
        """The types of these kinds, in order."""
        return [t for t in self.types.values() if t.kind in kinds]

    # Reading.

    def _declare(self, item):
        kinds = [key for key in item.data if key in KEYS]
        if not kinds:
            raise SchemaError(item.where, f"'{next(iter(item.data), '')}' begins no definition")
        item.kind = kinds[0]
        item.name = item.data[item.kind]
        for key in item.data:
            if key != item.kind and key not in KEYS[item.kind]:
                raise SchemaError(item.where,
                                  f"'{key}' has no meaning in {item.kind} '{item.name}'")
        if item.doc_lines is None:
            raise SchemaError(item.where, f"{item.kind} '{item.name}' is not documented")
        if not re.fullmatch(r"[A-Za-z][\w-]*", item.name):
            raise SchemaError(item.where, f"'{item.name}' is no name")
        if item.name in self._expressions or item.name in self.types:
            raise SchemaError(item.where, f"'{item.name}' is defined twice")
        self._expressions[item.name] = item
        item.doc = Doc(item.where, item.doc_lines)
        if item.kind not in ("command", "event"):
            self.types[item.name] = Type(item.name, item.kind, item.where, item.doc,
                                         item.data.get("features", []))

    def _define(self, item):
        return getattr(self, "_define_" + item.kind)(item)

    def _type(self, where, name):
        if isinstance(name, list):
            if len(name) != 1:
                raise SchemaError(where, "a list has one type of elements")
            element = self._type(where, name[0])
            if element.name not in self._arrays:
                array = Type(f"[{element.name}]", "array")
                array.element = element
                self._arrays[element.name] = array
            return self._arrays[element.name]
        if name not in self.types:
            raise SchemaError(where, f"there is no type '{name}'")
        return self.types[name]

    def _members(self, where, data, doc):
        members = []
        for key, value in data.items():
            name = key.lstrip("*")
            if not re.fullmatch(r"[A-Za-z][\w-]*", name):
                raise SchemaError(where, f"'{key}' is no name of a member")
            full = value if isinstance(value, dict) else {"type": value}
            if not {"type"} <= set(full) <= {"type", "features"}:
                raise SchemaError(where, f"member '{name}' needs a type")
            members.append(Member(name, self._type(where, full["type"]), key.startswith("*"),
                                  full.get("features", []),
                                  " ".join(doc.members.get(name, [])).strip()))
        return members

    def _check_doc(self, item, members, returns=False):
        features = list(item.data.get("features", []))
        for member in members:
            features += member.features
        item.doc.check(item.kind, item.name, [m.name for m in members], features, returns)

    def _base(self, item):
        base = item.data.get("base")
        if base is None:
            return []
        if isinstance(base, dict):
            return self._members(item.where, base, item.doc)
        return self._inherited(item.where, base)

    def _inherited(self, where, name):
        base = self._type(where, name)
        item = self._expressions.get(name)
        if base.kind != "struct" or item is None:
            raise SchemaError(where, f"the base '{name}' is no struct")
        return self._base(item) + self._members(item.where, item.data["data"], item.doc)

    def _define_enum(self, item):
        enum = self.types[item.name]
        for value in item.data["data"]:
            full = value if isinstance(value, dict) else {"name": value}
            enum.values.append(Member(full["name"], None, False, full.get("features", []),
                                      " ".join(item.doc.members.get(full["name"], [])).strip()))
        names = [value.name for value in enum.values]
        if not names or len(set(names)) != len(names):
            raise SchemaError(item.where, f"enum '{item.name}' needs values, each once")
        self._check_doc(item, enum.values)
        return enum

    def _define_struct(self, item):
        struct = self.types[item.name]
        own = self._members(item.where, item.data["data"], item.doc)
        self._check_doc(item, own)
        struct.members = self._base(item) + own
        self._check_names(item, struct.members)
        return struct

    def _define_union(self, item):
        union = self.types[item.name]
        union.members = self._base(item)
        own = union.members if isinstance(item.data.get("base"), dict) else []
        self._check_doc(item, own)
        self._check_names(item, union.members)
        tags = [m for m in union.members if m.name == item.data.get("discriminator")]
        if not tags or tags[0].optional:
            raise SchemaError(item.where, f"union '{item.name}' has no discriminator in its base")
        union.discriminator = tags[0]
        union.branches = {value: self._type(item.where, name)
                          for value, name in item.data["data"].items()}
        return union

    def _define_alternate(self, item):
        alternate = self.types[item.name]
        alternate.members = self._members(item.where, item.data["data"], item.doc)
        self._check_doc(item, alternate.members)
        kinds = [json_kind(m.type) for m in alternate.members]
        if None in kinds or len(set(kinds)) != len(kinds):
            raise SchemaError(item.where,
                              f"the branches of alternate '{item.name}' cannot be told apart")
        return alternate

    def _arguments(self, item):
        data = item.data.get("data")
        if data is None or data == {}:
            self._check_doc(item, [], "returns" in item.data)
            return None
        if isinstance(data, str):
            self._check_doc(item, [], "returns" in item.data)
            arguments = self._type(item.where, data)
            if arguments.kind not in ("struct", "union"):
                raise SchemaError(item.where, f"the arguments of '{item.name}' are no object")
            return arguments
        arguments = Type(item.name, "struct", item.where)
        arguments.members = self._members(item.where, data, item.doc)
        self._check_doc(item, arguments.members, "returns" in item.data)
        self._check_names(item, arguments.members)
        return arguments

    def _define_command(self, item):
        command = Command(item.name, item.where, item.doc, self._arguments(item),
                          item.data.get("features", []))
        if "returns" in item.data:
            command.returns = self._type(item.where, item.data["returns"])
        command.allow_oob = item.data.get("allow-oob", False)
        command.allow_preconfig = item.data.get("allow-preconfig", False)
        self.commands.append(command)
        return command

    def _define_event(self, item):
        event = Command(item.name, item.where, item.doc, self._arguments(item),
                        item.data.get("features", []))
        self.events.append(event)
        return event

    # Checking.

    @staticmethod
    def _check_names(item, members):
        names = [m.name.replace("-", "_") for m in members]
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(item.where, f"'{item.name}' has two members '{name}'")

    def _check_unions(self):
        for union in self.defined("union"):
            tag = union.discriminator.type
            if tag.kind != "enum":
                raise SchemaError(union.where, f"the discriminator of '{union.name}' is no enum")
            values = [value.name for value in tag.values]
            for value, branch in union.branches.items():
                if value not in values:
                    raise SchemaError(union.where, f"'{value}' is no value of '{tag.name}'")
                if branch.kind not in ("struct", "union"):
                    raise SchemaError(union.where,
                                      f"branch '{value}' of '{union.name}' is no object")
                names = {m.name for m in union.members} & {m.name for m in branch.members}
                if names:
                    raise SchemaError(union.where, f"branch '{value}' of '{union.name}' has a "
                                                   f"member '{names.pop()}' as the base has")

    def _box_recursion(self):
        """Boxes what a type contains of itself: an alternate's objects first, then members."""
        for types in (self.defined("alternate"), self.defined("struct", "union")):
            for type_ in types:
                for member in type_.members:
                    member.boxed = reaches(member.type, type_)
        for union in self.defined("union"):
            for branch in union.branches.values():
                if reaches(branch, union):
                    raise SchemaError(union.where, f"'{union.name}' contains itself")


def json_kind(type_):
    """How an alternate knows a branch; None: it cannot."""
    if type_.kind == "builtin":
        return {"str": "kString", "null": "kNull"}.get(type_.name)
    kinds = {"enum": "kString", "array": "kList", "struct": "kDict", "union": "kDict"}
    return kinds.get(type_.kind)


def by_value(type_):
    """The types that a type holds in itself."""
    held = [m.type for m in type_.members if not m.boxed] + list(type_.branches.values())
    return [t for t in held if t.kind in ("struct", "union", "alternate")]


def reaches(start, goal):
    """Whether a `start` would hold a `goal`."""
    seen, rest = set(), [start]
    while rest:
        type_ = rest.pop()
        if type_ is goal:
            return True
        if type_.name not in seen and type_.kind in ("struct", "union", "alternate"):
            seen.add(type_.name)
            rest += by_value(type_)
    return False
