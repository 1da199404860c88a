"""The blocks of a page: files, Python and commands, in their order.

A block of Python with a title is a part of the project's file of that name. Without one it is
typed into the project's shell, where ``user`` is a user. A block ``console`` has commands behind
``$``, and what they print. A comment before a block says what it needs that not every machine has,
or why it cannot be run here: ``<!-- needs Redis -->``, ``<!-- not run: ... -->``, and
``<!-- fails -->`` for a command that ends with another status than 0.
"""

import re
from typing import NamedTuple

#: Blocks that are shown, and are nothing that a machine runs.
SHOWN = {"text", "apache", "dockerfile", "yaml", "ini", "nginx"}
FENCE = re.compile(
    r"^(?P<comments>(?:\ *<!-- [^\n]* -->\n)*)"
    r"^(?P<margin>\ *)```(?P<language>\w*)(?:\ title=\"(?P<title>[^\"]+)\")?\n"
    r"(?P<text>.*?)^\ *```$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """One block; ``line`` is its place in the page, for whoever mends it."""

    line: int
    language: str
    title: str | None
    text: str
    comments: tuple[str, ...]

    @property
    def needs(self):
        """What it needs: names of servers."""
        return [each.removeprefix("needs ") for each in self.comments if each[:6] == "needs "]

    @property
    def reason(self):
        """Why it is not run, or ``None``."""
        found = [each for each in self.comments if each.startswith("not run: ")]
        return found[0] if found else None


def blocks(text):
    for found in FENCE.finditer(text):
        lines = found["text"].splitlines()
        comments = tuple(re.findall(r"<!-- (.*) -->", found["comments"]))
        yield Block(
            text[: found.start("text")].count("\n"),
            found["language"],
            found["title"],
            "\n".join(line.removeprefix(found["margin"]) for line in lines) + "\n",
            comments,
        )


def commands(block):
    """Yield each command of a block, with the lines that it prints."""
    command, printed = None, []
    for line in block.text.splitlines():
        if command is not None and command.endswith("\\"):
            command = f"{command[:-1]}{line.strip()}"
        elif command is not None and not printed and command.count("'") % 2:
            command = f"{command}\n{line}"
        elif line.startswith("$ "):
            if command is not None:
                yield command, printed
            command, printed = line[2:], []
        else:
            printed.append(line)
    yield command, printed
