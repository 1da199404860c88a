"""The prose of the documents. ``python -m tests.docs.prose`` warns of what a reader stumbles over.

Vale and its like come from no package registry whole, so that the rules are written out here.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
#: The end of a sentence, of a paragraph or of an item.
END = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z`\[“\"*-])|\n\s*\n|\n(?=- |\d+\. )")
PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being) (?:not |never |then |also )?"
    r"(?:\w+ed|known|made|written|seen|told|kept|held|read|run|set|sent|found|taken|given|heard)\b"
)
DOUBLE_NEGATIVE = re.compile(
    r"\b(?:not|never|no|nothing|nobody|without|cannot)\b(?: \w+){0,2} "
    r"(?:not|never|none|nothing|nobody|without|unless|un(?:known|used|seen|changed|able)\w*)\b"
)


def lines(page):
    """The lines of a page without its code and its comments."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", page.read_text(), flags=re.DOTALL)
    text = re.sub(r"^( {4,}|\t).*$", "", text, flags=re.MULTILINE)
    return [line.strip().removeprefix(">").strip() for line in text.splitlines()]


def cells(page):
    rows = [line for line in lines(page) if line.startswith("|")]
    return [cell.strip() for row in rows for cell in row.strip("|").split("|")]


def sentences(page):
    prose = "\n".join(line for line in lines(page) if not line.startswith(("|", "<", "#")))
    return [" ".join(sentence.split()) for sentence in END.split(prose) if sentence.strip()]


def main():
    found = [(page.name, sentence) for page in PAGES for sentence in sentences(page)]
    passive = [each for each in found if PASSIVE.search(each[1])]
    print(f"prose: {len(found)} sentences, {len(passive)} of them passive")
    for name, sentence in found:
        if DOUBLE_NEGATIVE.search(sentence):
            print(f"{name}: a double negative? {sentence}")


if __name__ == "__main__":
    main()
