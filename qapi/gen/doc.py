"""Documentation comments: their parts, and whether they say something about everything."""
import re

from schema_text import SchemaError

SECTIONS = ("Returns", "Since", "Example", "Note", "Features")


class Doc:
    """What is known of one definition, in words."""

    def __init__(self, where, lines):
        self.where = where
        self.name = None
        self.text = []      # paragraphs of the definition itself
        self.members = {}   # name -> text
        self.features = {}  # name -> text
        self.sections = []  # (title, lines)
        self._read(lines)

    def _read(self, lines):
        match = re.fullmatch(r"@([\w.-]+):", lines[0] if lines else "")
        if not match:
            raise SchemaError(self.where, "documentation begins with a line '@NAME:'")
        self.name = match[1]
        target = self.text
        entries = self.members
        for line in lines[1:]:
            member = re.fullmatch(r"@([\w.-]+):(?: +(.*))?", line)
            section = re.fullmatch(r"([A-Z][a-z]+):(?: +(.*))?", line)
            if member:
                if member[1] in entries:
                    raise SchemaError(self.where, f"'{member[1]}' is documented twice")
                target = entries[member[1]] = [member[2] or ""]
            elif section and section[1] in SECTIONS:
                if section[1] == "Features":
                    entries, target = self.features, []
                    continue
                target = [section[2] or ""]
                self.sections.append((section[1], target))
            elif target is self.text or self._inside_section(target):
                target.append(line)
            else:
                target.append(line.strip())

    def _inside_section(self, target):
        return any(target is lines for _, lines in self.sections)

    def section(self, title):
        """The section's text, or nothing."""
        return "".join(flow(lines) for name, lines in self.sections if name == title)

    def check(self, kind, name, members, features, returns):
        """Refuses documentation that is not of exactly these."""
        if self.name != name:
            raise SchemaError(self.where, f"documentation of '{self.name}' stands before '{name}'")
        if not flow(self.text):
            raise SchemaError(self.where, f"{kind} '{name}' is not described")
        for what, have, want in (("member", self.members, members),
                                 ("feature", self.features, features)):
            for entry in want:
                if not flow(have.get(entry, [])):
                    raise SchemaError(
                        self.where, f"{what} '{entry}' of {kind} '{name}' is not documented")
            for entry in have:
                if entry not in want:
                    raise SchemaError(
                        self.where, f"{kind} '{name}' has no {what} '{entry}' to be documented")
        if returns and not self.section("Returns"):
            raise SchemaError(self.where, f"what {kind} '{name}' returns is not documented")
        if not returns and self.section("Returns"):
            raise SchemaError(self.where, f"{kind} '{name}' returns nothing to be documented")


def flow(lines):
    """One line of a paragraph's lines."""
    return " ".join(line.strip() for line in lines if line.strip())


def paragraphs(lines):
    """The paragraphs, one line each."""
    return [flow(block.split("\n")) for block in "\n".join(lines).split("\n\n") if block.strip()]
