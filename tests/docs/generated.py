"""``python -m tests.docs.generated``: the parts of the reference that are made from the sources.

The tables of options are made from their declarations, the public names from their signatures and
docstrings, and the endpoints from the OpenAPI document. A test fails where a page is another.
"""

import inspect
import os
import re
import textwrap
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import django

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: The public names, by the headings of the page.
NAMES = {
    "irontoken": (
        "irontoken.TokenAuthentication",
        "irontoken.generate_key",
        "irontoken.generate_keys",
        "irontoken.parse_authorization",
        "irontoken.InvalidHeader",
        "irontoken.keys_equal",
        "irontoken.cache_info",
        "irontoken.cache_clear",
        "irontoken.operations.InstallTriggers",
    ),
    "Issued tokens": (
        "irontoken.tokens.get_token_model",
        "irontoken.tokens.looks_like_key",
        "irontoken.tokens.models.AccessToken.objects.issue",
        "irontoken.tokens.models.AccessToken.objects.live",
        "irontoken.tokens.models.AccessToken.objects.revoke",
        "irontoken.tokens.models.AccessToken.objects.revoke_all",
        "irontoken.tokens.models.AccessToken.objects.revoke_family",
        "irontoken.tokens.models.AccessToken.objects.rotate",
        "irontoken.tokens.models.AccessToken.objects.purge",
        "irontoken.tokens.models.AccessToken.revoke",
        "irontoken.tokens.models.AccessToken.rotate",
        "irontoken.tokens.models.AbstractAccessToken",
        "irontoken.tokens.permissions.HasScopes",
        "irontoken.tokens.testing.token_with_scopes",
        "irontoken.tokens.operations.AdoptTokens",
    ),
}


def pages():
    """Yield the name of each page, a marker in it, and the text that stands behind the marker."""
    from irontoken.settings import cache
    from irontoken.tokens import settings as tokens

    yield "settings.md", "CACHE", table(cache.OPTIONS)
    yield "settings.md", "TOKENS", table(tokens.OPTIONS)
    yield "names.md", "names", "\n".join(names())
    yield "endpoints.md", "endpoints", "\n".join(endpoints())


def table(options):
    rows = ["| option | takes | default | meaning |", "| --- | --- | --- | --- |"]
    rows += [
        f"| `{each.name}` | {taken(each)} | {in_words(each.default)} | {each.help} |"
        for each in options
    ]
    return "\n".join(rows)


def taken(option):
    if option.choices:
        return ", ".join(in_words(each) for each in option.choices)
    kinds = [each.__name__.replace("NoneType", "None") for each in option.types]
    return " or ".join(f"`{each}`" for each in kinds)


def in_words(value):
    if isinstance(value, timedelta):
        return f"`timedelta(seconds={value.total_seconds():.0f})`"
    return f"`{value!r}`".replace("'", '"')


def names():
    for heading, paths in NAMES.items():
        yield f"## {heading}\n"
        for path in paths:
            yield f"### `{path.removesuffix('.objects')}{signature(found(path))}`\n"
            yield markdown(inspect.getdoc(found(path)))


def found(path):
    """What a path names: a module's attribute, or one of that."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            thing = getattr(thing, part)
        return thing
    raise LookupError(path)


def signature(thing):
    """The arguments by their names and defaults, as a caller writes them."""
    if isinstance(thing, type) and "__init__" not in vars(thing):
        return ""
    parameters = inspect.signature(thing).parameters.values()
    shown = [each.replace(annotation=each.empty) for each in parameters if each.name != "self"]
    return str(inspect.Signature(shown)).replace("'", '"').replace("datetime.", "")


def markdown(text):
    """A docstring as Markdown: names in single marks, and definitions as items."""
    text = re.sub(r"``(.+?)``", in_marks, text, flags=re.DOTALL)
    parts = re.sub(r"^(`.+`)\n((?:    .*\n?)+)", item, text, flags=re.MULTILINE)
    return parts.rstrip() + "\n"


def in_marks(found):
    return f"`{' '.join(found[1].split())}`"


def item(part):
    words = " ".join(textwrap.dedent(part[2]).split())
    return textwrap.fill(f"- {part[1]}: {words}", 100, subsequent_indent="  ") + "\n"


def endpoints():
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator().get_schema(request=None, public=True)
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"## `{method.upper()} {path}`\n"
            yield markdown(operation["description"])
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
                yield from fields("A request has", of(body["schema"], schemas))
            for each in operation.get("parameters", []):
                kind = each["schema"]["type"]
                said = each.get("description", "The id of a token.")
                yield f"In the {each['in']}: `{each['name']}`, {kind}. {said}\n"
            yield "| status | answer |\n| --- | --- |"
            for status, answer in operation["responses"].items():
                yield f"| {status} | {answered(answer, schemas)} |"
            yield ""
    yield "## What is in an answer\n"
    for name in ("Issued", "Token"):
        yield f"### {name}\n"
        yield from fields(schemas[name]["description"], schemas[name])


def of(schema, schemas):
    name = schema.get("$ref", "").rpartition("/")[2]
    return schemas[name] if name else schema


def answered(answer, schemas):
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    shown = {
        "": "",
        "Issued": "an [issued token](#issued)",
        "PaginatedTokenList": "`next`, the address of the next page or null; `results`, a list of "
        "[tokens](#token)",
        "Refusal": "",
    }
    if name in shown:
        return shown[name] or answer["description"].replace("No response body", "nothing")
    return ", ".join(f"`{each}`" for each in schemas[name]["properties"])


def fields(head, schema):
    yield f"{head.rstrip('.')}:\n"
    yield "| field | type | |\n| --- | --- | --- |"
    for name, field in schema["properties"].items():
        # What REST framework's own class has, and no request.
        if not (field.get("readOnly") and name == "token"):
            yield f"| `{name}` | {kind_of(field)} | {field.get('description', '')} |"
    yield ""


def kind_of(field):
    kind = field["type"].replace("array", "list of texts").replace("string", "text")
    if field.get("format") == "date-time":
        kind = "time (ISO 8601)"
    if "minimum" in field:
        kind += f", {field['minimum']} to {field['maximum']}"
    if field.get("nullable"):
        kind += " or null"
    most = field.get("maxLength")
    return f"{kind}, {most} characters at most" if most else kind


def filled(page, marker, text):
    """A page with a text between its markers."""
    begin, end = f"<!-- made of {marker} -->\n", "<!-- end -->"
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{text.strip()}\n\n{end}{tail}"


def main():
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.schema.settings"
    django.setup()
    for name, marker, text in pages():
        path = DOCS / name
        path.write_text(filled(path.read_text(), marker, text))


if __name__ == "__main__":
    main()
