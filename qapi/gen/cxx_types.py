"""types.h: the C++ types."""
import cxx
from doc import flow
from schema import SchemaError, by_value


def emit(schema):
    """The text of types.h."""
    out = [cxx.HEADER.format(what="the types of QMP and of the command line's options."), """\
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "qapi/visitor.h"

namespace fusebay::qapi {

"""]
    structs = ordered(schema)
    out += [f"struct {t.name};\n" for t in structs]
    for enum in schema.defined("enum"):
        out.append(emit_enum(enum))
    for type_ in structs:
        out.append(emit_struct(type_))
    out.append("\n}  // namespace fusebay::qapi\n")
    return "".join(out)


def ordered(schema):
    """Structs, unions and alternates, each after those that it holds."""
    done = []
    def visit(type_):
        if type_ in done:
            return
        for inner in by_value(type_):
            visit(inner)
        done.append(type_)
    for type_ in schema.defined("struct", "union", "alternate"):
        visit(type_)
    return done


def emit_enum(enum):
    """enum class, and its names."""
    names = [cxx.constant(value.name) for value in enum.values]
    if len(set(names)) != len(names):
        raise SchemaError(enum.where, f"values of '{enum.name}' have one name in C++")
    out = ["\n", cxx.comment(flow(enum.doc.text)), f"enum class {enum.name} : std::uint8_t {{\n"]
    for value in enum.values:
        out.append(cxx.comment(value.text, "  "))
        out.append(f"  {cxx.constant(value.name)},\n")
    out.append(f"""}};
std::string_view EnumName({enum.name} value);
inline JsonValue ToJson({enum.name} value) {{ return EnumName(value); }}
bool VisitValue(InputVisitor& v, std::string_view name, {enum.name}& out);
""")
    return "".join(out)


def emit_members(members):
    """The lines of the members."""
    out = []
    for member in members:
        out.append(cxx.comment(member.text, "  "))
        plain = not member.optional and member.type.kind in ("builtin", "enum")
        out.append(f"  {cxx.member_type(member)} {cxx.member_name(member.name)}"
                   f"{'{}' if plain else ''};\n")
    return "".join(out)


def branch_types(union):
    """The distinct C++ types of the branches."""
    names = []
    for branch in union.branches.values():
        if branch.name not in names:
            names.append(branch.name)
    return names


def emit_struct(type_):
    """struct, and its functions."""
    out = ["\n", cxx.comment(flow(type_.doc.text)), f"struct {type_.name} {{\n"]
    if type_.kind == "alternate":
        inner = ", ".join(cxx.member_type(m) for m in type_.members)
        out.append(f"  std::variant<{inner}> value;\n")
    else:
        out.append(emit_members(type_.members))
    if type_.kind == "union":
        inner = ", ".join(["std::monostate"] + branch_types(type_))
        out.append(f"  std::variant<{inner}> u;\n")
    out.append("};\n")
    out.append(declarations(type_.name, type_.kind != "alternate"))
    return "".join(out)


def declarations(name, has_members):
    """The functions of a type."""
    out = f"bool VisitValue(InputVisitor& v, std::string_view name, {name}& out);\n"
    out += f"JsonValue ToJson(const {name}& value);\n"
    if has_members:
        out += f"bool VisitMembers(InputVisitor& v, {name}& out);\n"
        out += f"void AddMembers(const {name}& value, JsonDict& out);\n"
    return out
