"""commands.h, events.h and their .cc: what the dispatcher and the emitters need."""
import cxx
from cxx_types import declarations, emit_members
from cxx_visit import emit_object
from doc import flow

BEGIN = """\
#pragma once
#include <string_view>
#include <vector>

#include "qapi/generated/types.h"
#include "qapi/qmp.h"

namespace fusebay::qapi {
"""
END = "\n}  // namespace fusebay::qapi\n"


def is_own(command):
    """Whether the arguments are a struct of the command's own."""
    return command.arguments is not None and command.arguments.name == command.name


def emit_commands_h(schema):
    """A struct per command."""
    out = [cxx.HEADER.format(what="the commands."), BEGIN]
    for command in schema.commands:
        name = cxx.camel(command.name)
        if is_own(command):
            members = emit_members(command.arguments.members)
            out.append(f"\nstruct {name}Arguments {{\n{members}}};\n")
            out.append(declarations(f"{name}Arguments", True))
        flags = "".join(f", .{flag} = true" for flag in ("allow_oob", "allow_preconfig")
                        if getattr(command, flag))
        out.append("\n" + cxx.comment(flow(command.doc.text)) + f"""\
struct {name}Command {{
  static constexpr QmpCommandInfo kInfo{{.name = {cxx.string(command.name)}{flags}}};
  using Arguments = {cxx.arguments_name(command, "Arguments")};
  using Return = {cxx.value_type(command.returns)};
}};
""")
    names = ",\n    ".join(cxx.string(c.name) for c in schema.commands)
    out.append("\n// All of them.\ninline constexpr std::string_view kCommandNames[] = {\n"
               f"    {names}}};\n")
    calls = "".join(f"  visit.template operator()<{cxx.camel(c.name)}Command>();\n"
                    for c in schema.commands)
    out.append(f"""
// Calls visit.operator()<Command>() for each of them.
template <class Visit>
void ForEachCommand(const Visit& visit) {{
{calls}}}
""")
    out.append(END)
    return "".join(out)


def emit_events_h(schema):
    """A struct per event."""
    out = [cxx.HEADER.format(what="the events."), BEGIN]
    for event in schema.events:
        name = f"{cxx.camel(event.name)}Event"
        out.append("\n" + cxx.comment(flow(event.doc.text)) + f"""\
struct {name} {{
  static constexpr std::string_view kName = {cxx.string(event.name)};
""")
        if is_own(event):
            out.append(emit_members(event.arguments.members))
        elif event.arguments is not None:
            out.append(f"  {event.arguments.name} data;\n")
        out.append("};\n")
        if is_own(event):
            out.append(declarations(name, True))
        out.append(f"JsonValue EventData(const {name}& event);\n")
    out.append(END)
    return "".join(out)


def emit_cc(schema):
    """The functions of both."""
    out = [cxx.HEADER.format(what="the arguments of commands, the data of events."), """\
#include "qapi/generated/commands.h"
#include "qapi/generated/events.h"

namespace fusebay::qapi {
"""]
    for command in schema.commands:
        if is_own(command):
            out.append(emit_object(command.arguments, f"{cxx.camel(command.name)}Arguments"))
    for event in schema.events:
        name = f"{cxx.camel(event.name)}Event"
        if is_own(event):
            out.append(emit_object(event.arguments, name))
            data, parameter = "ToJson(event)", "event"
        elif event.arguments is not None:
            data, parameter = "ToJson(event.data)", "event"
        else:
            data, parameter = "{}", "/*event*/"
        out.append(f"\nJsonValue EventData(const {name}& {parameter}) {{ return {data}; }}\n")
    out.append("""
std::vector<std::string_view> QmpCommands::Missing() const {
  std::vector<std::string_view> missing;
  for (const std::string_view name : kCommandNames) {
    if (Find(name) == nullptr) {
      missing.push_back(name);
    }
  }
  return missing;
}
""")
    out.append(END)
    return "".join(out)
