"""Whether what a command prints is what a page shows, up to times, keys and other chance."""

import re

#: What differs from one run to the next. `…` in a page stands for any text.
CHANCE = {
    "any": r"…",
    "issued": r"\bit_[0-9A-Za-z]{38}\b",
    "beginning": r"\bit_[0-9A-Za-z]{6}\b",
    "key": r"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b",
    "time": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00| UTC)?",
    "file": r"/[\w/.-]*irontoken-\d+\b",
    "user": r"(?<=\buser )\d+\b",
}
#: What stands for it in an answer of today.
TODAY = {**CHANCE, "any": r"(?s:.*?)", "user": r"\d+"}
EACH = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in CHANCE.items()))


def differs(shown, printed, known):
    """What is wrong, or ``None``. ``known`` gets the keys of today for those of the page."""
    pattern, position, groups = "", 0, []
    for found in EACH.finditer(shown):
        pattern += re.escape(shown[position : found.start()])
        pattern += f"({TODAY[found.lastgroup]})"
        groups.append((found.lastgroup, found.group()))
        position = found.end()
    pattern += re.escape(shown[position:])
    match = re.fullmatch(pattern, printed.strip())
    if match is None:
        return f"the page shows\n{shown}\nand it printed\n{printed.strip()}"
    for (name, old), new in zip(groups, match.groups(), strict=True):
        if name in {"issued", "key"}:
            known.setdefault(old, new)
            # The beginning of a key is shown by lists.
            known.setdefault(old[:9], new[:9])
    return None


def replaced(text, known):
    """A text of the page with the keys of today."""
    for old in sorted(known, key=len, reverse=True):
        text = text.replace(old, known[old])
    return text
