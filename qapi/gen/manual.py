"""The reference manual in Markdown."""
from doc import flow, paragraphs
from schema import Command, Type
from schema_text import FreeText


def emit(schema):
    """The text of the manual."""
    out = ["# fusebay: QMP reference\n", """
Generated from the schema in `qapi/schema`. Commands and events are those of `fusebay daemon`; types
are also those of its command line's options, as JSON or as `key=value` with dotted keys. A type's
name is not part of the protocol; names of commands, members and values are.
"""]
    for item in schema.items:
        if isinstance(item, FreeText):
            out.append(free_text(item))
        elif isinstance(item, Type):
            out.append(type_text(item))
        else:
            out.append(command_text(item, item in schema.events))
    return "".join(out)


def free_text(item):
    title = item.doc_lines[0].lstrip("= ")
    body = "\n\n".join(paragraphs(item.doc_lines[1:]))
    return f"\n## {title}\n" + (f"\n{body}\n" if body else "")


def type_name(type_):
    if type_.kind == "array":
        return f"list of {type_name(type_.element)}"
    if type_.kind == "builtin":
        return f"`{type_.name}`"
    return f"[{type_.name}](#{anchor(type_)})"


def anchor(type_):
    return f"{type_.kind}-{type_.name}".lower()


def members_text(members):
    out = []
    for member in members:
        optional = ", optional" if member.optional else ""
        out.append(f"- `{member.name}` ({type_name(member.type)}{optional}): "
                   f"{flow([member.text])}\n")
    return "".join(out)


def tail(doc):
    """Features and the rest."""
    out = []
    if doc.features:
        out.append("\nFeatures:\n\n")
        out += [f"- `{name}`: {flow(lines)}\n" for name, lines in doc.features.items()]
    for title, lines in doc.sections:
        if title == "Example":
            body = "\n".join(lines).strip("\n")
            out.append(f"\nExample:\n\n```\n{body}\n```\n")
        else:
            out.append(f"\n{title}: {flow(lines)}\n")
    return "".join(out)


def type_text(type_):
    out = [f"\n### {type_.kind} {type_.name}\n\n", "\n\n".join(paragraphs(type_.doc.text)), "\n"]
    if type_.kind == "enum":
        out.append("\n")
        out += [f"- `{value.name}`: {flow([value.text])}\n" for value in type_.values]
    elif type_.members:
        out += ["\n", members_text(type_.members)]
    if type_.branches:
        out.append(f"\nFurther members depend on `{type_.discriminator.name}`:\n\n")
        out += [f"- `{value}`: those of {type_name(branch)}\n"
                for value, branch in type_.branches.items()]
    out.append(tail(type_.doc))
    return "".join(out)


def command_text(command: Command, is_event):
    kind = "event" if is_event else "command"
    out = [f"\n### {kind} {command.name}\n\n", "\n\n".join(paragraphs(command.doc.text)), "\n"]
    if command.arguments is not None:
        if command.arguments.name == command.name:
            out += ["\n", "Data:\n\n" if is_event else "Arguments:\n\n",
                    members_text(command.arguments.members)]
        else:
            out.append(f"\nArguments: the members of {type_name(command.arguments)}.\n")
    if command.returns is not None:
        out.append(f"\nReturns a value of type {type_name(command.returns)}.\n")
    if command.allow_oob:
        out.append("\nMay be run out of band, with `exec-oob`.\n")
    out.append(tail(command.doc))
    return "".join(out)
