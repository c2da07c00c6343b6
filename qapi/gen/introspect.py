"""introspect.h and .cc: what query-qmp-schema returns, in QEMU's form."""
import json

import cxx
from schema import BUILTINS


class Introspection:
    """Collects SchemaInfo objects. Types have numbers for names, in the order of their use."""

    def __init__(self, schema):
        self.infos = []
        self.numbers = {}
        self.queue = []
        self.seen = set()
        self.empty = object()
        for command in schema.commands:
            self.add(command.name, "command", command.features,
                     {"arg-type": self.use(command.arguments),
                      "ret-type": self.use(command.returns)},
                     {"allow-oob": True} if command.allow_oob else {})
        for event in schema.events:
            self.add(event.name, "event", event.features, {"arg-type": self.use(event.arguments)})
        while self.queue:
            self.describe(self.queue.pop(0))

    def add(self, name, meta, features, data, more=None):
        info = {"name": name, **data, "meta-type": meta, **(more or {})}
        if features:
            info["features"] = features
        self.infos.append(info)

    def use(self, type_):
        """The type's name here; it will be described."""
        if type_ is not None and type_.kind == "array":
            name = f"[{self.use(type_.element)}]"
        elif type_ is not None and type_.kind == "builtin":
            name = BUILTINS[type_.name][2]
        else:
            name = str(self.numbers.setdefault(id(type_), len(self.numbers)))
        if name not in self.seen:
            self.seen.add(name)
            self.queue.append((name, type_))
        return name

    def describe(self, entry):
        name, type_ = entry
        if type_ is None:
            self.add(name, "object", [], {"members": []})
        else:
            getattr(self, "describe_" + type_.kind)(name, type_)

    def describe_builtin(self, name, type_):
        self.add(name, "builtin", [], {"json-type": BUILTINS[type_.name][1]})

    def describe_array(self, name, type_):
        self.add(name, "array", [], {"element-type": self.use(type_.element)})

    def describe_enum(self, name, type_):
        members = [with_features({"name": v.name}, v) for v in type_.values]
        self.add(name, "enum", type_.features,
                 {"members": members, "values": [v.name for v in type_.values]})

    def members(self, type_):
        return [with_features({"name": m.name, **({"default": None} if m.optional else {}),
                               "type": self.use(m.type)}, m) for m in type_.members]

    def describe_struct(self, name, type_):
        self.add(name, "object", type_.features, {"members": self.members(type_)})

    def describe_union(self, name, type_):
        members = self.members(type_)
        variants = [{"case": value.name, "type": self.use(type_.branches.get(value.name))}
                    for value in type_.discriminator.type.values]
        self.add(name, "object", type_.features,
                 {"members": members, "tag": type_.discriminator.name, "variants": variants})

    def describe_alternate(self, name, type_):
        self.add(name, "alternate", type_.features,
                 {"members": [{"type": self.use(m.type)} for m in type_.members]})


def with_features(info, member):
    """The info, with features if there are some."""
    return {**info, "features": member.features} if member.features else info


def emit_h(_schema):
    """The declaration."""
    return cxx.HEADER.format(what="the schema as QMP clients see it.") + """\
#pragma once
#include <string>

namespace fusebay::qapi {

// A JSON list of SchemaInfo objects.
std::string SchemaJson();

}  // namespace fusebay::qapi
"""


def emit_cc(schema):
    """The text, in pieces."""
    infos = Introspection(schema).infos
    lines = [json.dumps(info) for info in infos]
    pieces = ",\n".join(f"    {cxx.string(line)}" for line in lines)
    return cxx.HEADER.format(what="the schema as QMP clients see it.") + f"""\
#include "qapi/generated/introspect.h"

#include <string_view>

namespace fusebay::qapi {{

static constexpr std::string_view kInfos[] = {{
{pieces}}};

std::string SchemaJson() {{
  std::string text;
  for (const std::string_view info : kInfos) {{
    text += text.empty() ? "[" : ", ";
    text += info;
  }}
  return text + "]";
}}

}}  // namespace fusebay::qapi
"""
