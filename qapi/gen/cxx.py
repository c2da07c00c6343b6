"""Names and pieces of C++."""
import re
import textwrap

from schema import BUILTINS

KEYWORDS = set("""alignas alignof and asm auto bool break case catch char class compl concept const
    consteval constexpr constinit continue co_await co_return co_yield decltype default delete do
    double else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not nullptr operator or private protected public register requires return
    short signed sizeof static struct switch template this throw true try typedef typeid typename
    union unsigned using virtual void volatile wchar_t while xor""".split())


def camel(name):
    """block_resize, block-resize and BLOCK_RESIZE are BlockResize."""
    parts = re.split(r"[-_.]", name)
    return "".join(part[:1].upper() + (part[1:].lower() if part.isupper() else part[1:])
                   for part in parts)


def member_name(name):
    """The member's name in C++."""
    name = name.replace("-", "_")
    return name + "_" if name in KEYWORDS else name


def constant(name):
    """An enum's value."""
    return "k" + camel(name)


def value_type(type_):
    """The C++ type of a required member."""
    if type_ is None:
        return "Unit"
    if type_.kind == "builtin":
        return BUILTINS[type_.name][0]
    if type_.kind == "array":
        return f"std::vector<{value_type(type_.element)}>"
    return type_.name


def member_type(member):
    """The C++ type of a member."""
    inner = value_type(member.type)
    inner = f"Box<{inner}>" if member.boxed else inner
    return f"std::optional<{inner}>" if member.optional else inner


def arguments_name(command, suffix):
    """The struct of a command's or event's arguments."""
    if command.arguments is None:
        return "Unit"
    if command.arguments.name == command.name:
        return camel(command.name) + suffix
    return command.arguments.name


def comment(text, indent=""):
    """The text as a comment of whole lines."""
    lines = textwrap.wrap(text, 97 - len(indent))
    return "".join(f"{indent}// {line}\n" for line in lines)


def string(text):
    """A string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


HEADER = """// Generated from qapi/schema: {what}
"""
