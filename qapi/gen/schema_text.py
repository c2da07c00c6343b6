"""Reads schema files: JSON with single quotes, `#` comments and `##` documentation comments."""
import os
import re

TOKEN = re.compile(r"""
    (?P<space>[ \n]+)
  | (?P<doc>\#\#\n(?:\#(?:[ ].*)?\n)*?\#\#\n)
  | (?P<comment>\#.*)
  | (?P<punctuation>[{}\[\]:,])
  | '(?P<string>[^'\\\n]*)'
  | (?P<word>true|false)
""", re.VERBOSE)


class SchemaError(Exception):
    """Something is wrong in a schema file; the text says where and what."""

    def __init__(self, where, what):
        super().__init__(f"{where}: {what}")


class Where:
    """A place in a file."""

    def __init__(self, path, line):
        self.path = path
        self.line = line

    def __str__(self):
        return f"{self.path}:{self.line}"


class Expression:
    """One definition, as a dictionary, with the text of the documentation before it."""

    def __init__(self, where, data, doc_lines):
        self.where = where
        self.data = data
        self.doc_lines = doc_lines  # None: there is none


class FreeText:
    """A documentation comment that belongs to no definition."""

    def __init__(self, where, doc_lines):
        self.where = where
        self.doc_lines = doc_lines


class Parser:
    """A recursive-descent parser over the tokens of one file."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.tokens = list(self._tokenize(text))
        self.at = 0

    def _tokenize(self, text):
        at, line = 0, 1
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise SchemaError(Where(self.path, line), f"stray {text[at]!r}")
            kind = match.lastgroup
            if kind not in ("space", "comment"):
                yield kind, match[kind], Where(self.path, line)
            line += match[0].count("\n")
            at = match.end()
        yield "end", "", Where(self.path, line)

    def peek(self):
        return self.tokens[self.at]

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, punctuation):
        kind, text, where = self.take()
        if (kind, text) != ("punctuation", punctuation):
            raise SchemaError(where, f"expected '{punctuation}', not '{text}'")

    def value(self):
        kind, text, where = self.take()
        if kind == "string":
            return text
        if kind == "word":
            return text == "true"
        if (kind, text) == ("punctuation", "{"):
            return self.dictionary()
        if (kind, text) == ("punctuation", "["):
            return self.list()
        raise SchemaError(where, f"expected a value, not '{text or kind}'")

    def dictionary(self):
        result = {}
        while self.peek()[:2] != ("punctuation", "}"):
            if result:
                self.expect(",")
            kind, key, where = self.take()
            if kind != "string":
                raise SchemaError(where, f"expected a key, not '{key or kind}'")
            if key in result:
                raise SchemaError(where, f"'{key}' is there twice")
            self.expect(":")
            result[key] = self.value()
        self.expect("}")
        return result

    def list(self):
        result = []
        while self.peek()[:2] != ("punctuation", "]"):
            if result:
                self.expect(",")
            result.append(self.value())
        self.expect("]")
        return result


def doc_lines_of(text):
    """The comment's lines without their marks."""
    return [line[2:] for line in text.split("\n")[1:-2]]


def read(path, seen=None):
    """Everything in the file and those that it includes, in order."""
    seen = seen if seen is not None else set()
    path = os.path.relpath(path)
    if path in seen:
        return []
    seen.add(path)
    parser = Parser(path)
    items = []
    doc = None
    while parser.peek()[0] != "end":
        kind, text, where = parser.peek()
        if kind == "doc":
            parser.take()
            if doc:
                items.append(doc)
            doc = FreeText(where, doc_lines_of(text))
            if doc.doc_lines and doc.doc_lines[0].startswith("="):
                items.append(doc)
                doc = None
            continue
        data = parser.value()
        if not isinstance(data, dict):
            raise SchemaError(where, "a definition is a dictionary")
        if set(data) == {"include"}:
            items += read(os.path.join(os.path.dirname(path), data["include"]), seen)
            continue
        items.append(Expression(where, data, doc.doc_lines if doc else None))
        doc = None
    if doc:
        raise SchemaError(doc.where, "documentation of nothing")
    return items
