"""types.cc: visiting the types, and their JSON."""
import cxx
from cxx_types import branch_types
from schema import json_kind


def emit(schema):
    """The text of types.cc."""
    out = [cxx.HEADER.format(what="visits the types and turns them to JSON."), """\
#include "qapi/generated/types.h"

namespace fusebay::qapi {
"""]
    for enum in schema.defined("enum"):
        out.append(emit_enum(enum))
    for type_ in schema.defined("struct", "union"):
        out.append(emit_object(type_, type_.name))
    for type_ in schema.defined("alternate"):
        out.append(emit_alternate(type_))
    out.append("\n}  // namespace fusebay::qapi\n")
    return "".join(out)


def emit_enum(enum):
    """Names, and from them."""
    names = ",\n    ".join(cxx.string(value.name) for value in enum.values)
    return f"""
static constexpr std::string_view k{enum.name}Names[] = {{
    {names}}};

std::string_view EnumName({enum.name} value) {{
  return k{enum.name}Names[static_cast<std::size_t>(value)];
}}

bool VisitValue(InputVisitor& v, std::string_view name, {enum.name}& out) {{
  std::size_t index = 0;
  if (!v.ReadEnum(name, k{enum.name}Names, index)) {{
    return false;
  }}
  out = static_cast<{enum.name}>(index);
  return true;
}}
"""


def emit_object(type_, name):
    """The functions of a struct or union that is called `name` in C++."""
    return visit_members(type_, name) + add_members(type_, name) + f"""
bool VisitValue(InputVisitor& v, std::string_view name, {name}& out) {{
  return v.StartStruct(name) && v.EndStruct(VisitMembers(v, out));
}}

JsonValue ToJson(const {name}& value) {{
  JsonDict dict;
  AddMembers(value, dict);
  return dict;
}}
"""


def visit_one(member):
    """Reads one member."""
    target = f"out.{cxx.member_name(member.name)}"
    name = cxx.string(member.name)
    if member.type.name == "size" and member.type.kind == "builtin":
        return (f"(!v.Has({name}) || v.ReadSize({name}, {target}.emplace()))" if member.optional
                else f"v.ReadSize({name}, {target})")
    return f"VisitValue(v, {name}, {target})"


def visit_members(type_, name):
    """Reads the members, then those of the union's branch."""
    head = f"\nbool VisitMembers(InputVisitor& v, {name}& out) {{\n"
    if not type_.members:
        return head.replace("& v,", "& /*v*/,").replace("& out)", "& /*out*/)") + \
            "  return true;\n}\n"
    reads = " &&\n         ".join(visit_one(m) for m in type_.members)
    if type_.kind == "struct":
        return f"{head}  return {reads};\n}}\n"
    out = [head, f"  if (!({reads})) {{\n    return false;\n  }}\n"]
    tag = type_.discriminator
    out.append(f"  switch (out.{cxx.member_name(tag.name)}) {{\n")
    for branch in branch_types(type_):
        for value, of_value in type_.branches.items():
            if of_value.name == branch:
                out.append(f"    case {tag.type.name}::{cxx.constant(value)}:\n")
        out.append(f"      return VisitMembers(v, out.u.emplace<{branch}>());\n")
    if len(type_.branches) < len(tag.type.values):
        out.append("    default:\n      return true;\n")
    out.append("  }\n  return false;\n}\n")
    return "".join(out)


def add_members(type_, name):
    """Adds the members to a dictionary."""
    head = f"\nvoid AddMembers(const {name}& value, JsonDict& out) {{\n"
    if not type_.members:
        return head.replace("& value", "& /*value*/").replace("& out", "& /*out*/") + "}\n"
    out = [head]
    for member in type_.members:
        key, source = cxx.string(member.name), f"value.{cxx.member_name(member.name)}"
        if member.optional:
            out.append(f"  if ({source}) {{\n    out.Set({key}, ToJson(*{source}));\n  }}\n")
        else:
            out.append(f"  out.Set({key}, ToJson({source}));\n")
    if type_.kind == "union":
        for branch in branch_types(type_):
            out.append(f"  if (const auto* const u = std::get_if<{branch}>(&value.u)) {{\n"
                       f"    AddMembers(*u, out);\n  }}\n")
    out.append("}\n")
    return "".join(out)


def emit_alternate(type_):
    """Tells the branches apart by the kind of value."""
    cases = "".join(f"    case JsonKind::{json_kind(m.type)}:\n      return VisitValue("
                    f"v, name, out.value.emplace<{cxx.member_type(m)}>());\n"
                    for m in type_.members)
    return f"""
bool VisitValue(InputVisitor& v, std::string_view name, {type_.name}& out) {{
  const std::optional<JsonKind> kind = v.PeekKind(name);
  if (!kind) {{
    return false;
  }}
  switch (*kind) {{
{cases}    default:
      return v.FailAlternate(name, {cxx.string(type_.name)});
  }}
}}

JsonValue ToJson(const {type_.name}& value) {{
  return std::visit([](const auto& branch) {{ return ToJson(branch); }}, value.value);
}}
"""
