#!/usr/bin/env python3
"""Makes C++, introspection data and the reference manual of a schema.

usage: main.py SCHEMA.json OUT_DIR
"""
import os
import sys

import cxx_commands
import cxx_types
import cxx_visit
import introspect
import manual
from schema import Schema
from schema_text import SchemaError

OUTPUTS = {
    "types.h": cxx_types.emit,
    "types.cc": cxx_visit.emit,
    "commands.h": cxx_commands.emit_commands_h,
    "events.h": cxx_commands.emit_events_h,
    "commands.cc": cxx_commands.emit_cc,
    "introspect.h": introspect.emit_h,
    "introspect.cc": introspect.emit_cc,
    "qmp-reference.md": manual.emit,
}


def main():
    """Writes every output."""
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    try:
        schema = Schema(sys.argv[1])
        texts = {name: emit(schema) for name, emit in OUTPUTS.items()}
    except (SchemaError, OSError) as error:
        sys.exit(str(error))
    for name, text in texts.items():
        with open(os.path.join(sys.argv[2], name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
