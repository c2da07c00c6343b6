#!/usr/bin/env python3
"""Every option of --help is in the manual page and in the completion, and the other way round; what
docs/FEATURES.md names exists."""
import pathlib
import re
import subprocess
import sys

program, source = sys.argv[1], pathlib.Path(sys.argv[2])
man, completion = source / "docs/man", source / "tools/completion/fusebay"
COMMON = {"--help", "--version"}
LONG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
failures = []


def check(what, actual, expected):
    for option in sorted(expected - actual):
        failures.append(f"{what}: {option} is missing")
    for option in sorted(actual - expected):
        failures.append(f"{what}: {option} does not exist")


def help_of(*words, executable=None):
    argv = [executable or "fusebay", *words]
    return subprocess.run(argv, executable=program, check=True, capture_output=True, text=True,
                          timeout=20).stdout


def options_of_help(text):
    """(letter or None, long option) of each line of the table."""
    return re.findall(r"^  (?:-(\w), |    )(--[a-z0-9-]+)", text, re.MULTILINE)


def options_of_man(path, command=None):
    """The same, of the headings of the OPTIONS section: the line after each .TP. With a command
    only of its part .SS COMMAND, or with "" of what comes before the parts."""
    text = path.read_text().replace("\\-", "-")
    section = re.search(r'^\.SH OPTIONS\n(.*?)^\.SH ', text, re.MULTILINE | re.DOTALL)[1]
    parts = re.split(r"^\.SS (.*)\n", section, flags=re.MULTILINE)
    if command is not None:
        section = dict([("", parts[0]), *zip(parts[1::2], parts[2::2])]).get(command, "")
    found = []
    for heading in re.findall(r"^\.TP\n(.*)$", section, re.MULTILINE):
        long_option = LONG.search(heading)
        if long_option:
            letter = re.search(r"(?<![\w-])-(\w)(?!\w|-)", heading)
            found.append((letter[1] if letter else "", long_option[0]))
    return found


def completed(*words):
    """What the completion offers for a command line whose last word is being typed."""
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fusebay; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    out = subprocess.run(["bash", "-c", script, "bash", str(completion), *words], check=True,
                         capture_output=True, text=True, timeout=20).stdout
    return set(out.split())


def commands_of_help(text):
    return re.findall(r"^  (\w+) ", text.split("Options:")[0], re.MULTILINE)


def check_subcommands(command):
    """Those of `fusebay COMMAND`, each of which has a part of the page's OPTIONS."""
    page = man / f"fusebay-{command}.1"
    subcommands = commands_of_help(help_of(command, "--help"))
    if subcommands:
        check(f"completion of {command}", completed("fusebay", command, ""),
              set(subcommands) | COMMON)
    for subcommand in subcommands:
        options = options_of_help(help_of(command, subcommand, "--help"))
        check(f"{page.name}, {subcommand} (with letters)", set(options_of_man(page, subcommand)),
              {option for option in options if option[1] not in COMMON})
        check(f"completion of {command} {subcommand}",
              completed("fusebay", command, subcommand, "--"), {option[1] for option in options})


commands = commands_of_help(help_of("--help"))
if len(commands) < 5:
    failures.append(f"fusebay --help: only these commands: {commands}")
check("completion of commands", completed("fusebay", ""), set(commands) | COMMON)
main_page = (man / "fusebay.1").read_text()
check("fusebay.1", set(options_of_man(man / "fusebay.1")), set(options_of_help(help_of("--help"))))
for command in commands:
    if not re.search(rf"^\.(B|BR) {command}\b", main_page, re.MULTILINE):
        failures.append(f"fusebay.1: the command {command} is missing")
    if command == "help":
        continue
    options = options_of_help(help_of(command, "--help"))
    name = f"fusebay-{command}.1"
    of_all = "" if commands_of_help(help_of(command, "--help")) else None
    check(name + " (with letters)", set(options_of_man(man / name, of_all)), set(options))
    check(f"completion of {command}", completed("fusebay", command, "--"),
          {long_option for _, long_option in options})
    check_subcommands(command)
name = "mount.fuse.fusebay"
check(name + ".8", set(options_of_man(man / (name + ".8"))),
      set(options_of_help(help_of("--help", executable=name))))

for page in sorted(man.iterdir()):
    text = page.read_text()
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "FILES",
                    "EXAMPLES", "SEE ALSO"):
        if f".SH {section}\n" not in text:
            failures.append(f"{page.name}: no section {section}")



def alternatives(pattern):
    """a{b,c} means ab and ac."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if not braces:
        return [pattern]
    return [name for part in braces[1].split(",")
            for name in alternatives(pattern[:braces.start()] + part + pattern[braces.end():])]


for number, line in enumerate((source / "docs/FEATURES.md").read_text().splitlines(), 1):
    if line.startswith("|") and not all(cell.strip() for cell in line.split("|")[1:-1]):
        failures.append(f"FEATURES.md:{number}: an empty cell")
    quoted = re.findall(r"`([^`]+)`", line) if line.startswith("|") else []
    for word in " ".join(quoted).split():
        for name in alternatives(word) if "/" in word else []:
            name = re.sub(r"^(io|interop)/", r"tests/\1/", re.sub(r"^u/", "tests/unit/", name))
            if not any(source.glob(name)):
                failures.append(f"FEATURES.md:{number}: there is no {name}")

print("\n".join(failures))
sys.exit(1 if failures else 0)
