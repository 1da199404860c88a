"""Running irontoken and REST framework side by side, and telling whether they differ."""

from typing import NamedTuple

from django.db import connections
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from rest_framework import authentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

import irontoken

factory = APIRequestFactory()
ABSENT = object()


class Outcome(NamedTuple):
    """What became of a call: its result or its exception, in comparable form."""

    result: object
    exception: object
    queries: tuple[str, ...] = ()


def request_with(header=ABSENT, *, wrapped=True):
    request = factory.get("/")
    if header is not ABSENT:
        request.META["HTTP_AUTHORIZATION"] = header
    return Request(request) if wrapped else request


def outcome(function, *args, alias="default"):
    with CaptureQueriesContext(connections[alias]) as context:
        try:
            result = function(*args)
        except Exception as exception:
            return Outcome(None, described(exception), queries(context))
    return Outcome(described_pair(result), None, queries(context))


def queries(context):
    return tuple(query["sql"] for query in context.captured_queries)


def described(exception):
    if isinstance(exception, APIException):
        detail = exception.detail
        return (type(exception), str(detail), detail.code, exception.status_code)
    return (type(exception), str(exception))


def described_pair(pair):
    if pair is None:
        return None
    assert type(pair) is tuple
    user, token = pair
    known = {id(user): "the user", id(token): "the token"}
    return (described_instance(user, known), described_instance(token, known))


def described_instance(instance, known):
    """Everything that is in an instance, with the type of each value."""
    attributes = dict(vars(instance))
    state = attributes.pop("_state")
    return (
        type(instance),
        [described_value(name, value, known) for name, value in attributes.items()],
        type(state),
        sorted(described_value(name, value, known) for name, value in vars(state).items()),
    )


def described_value(name, value, known):
    if id(value) in known:
        return (name, known[id(value)])
    if isinstance(value, Model):
        return (name, type(value), value.pk)
    if isinstance(value, dict) and name == "fields_cache":
        return (name, [described_value(key, item, known) for key, item in value.items()])
    if isinstance(value, memoryview):
        value = bytes(value)
    return (name, type(value), value, getattr(value, "tzinfo", None))


def classes(**attributes):
    """The two authentication classes with the same attributes set."""
    return (
        type("Iron", (irontoken.TokenAuthentication,), attributes),
        type("DRF", (authentication.TokenAuthentication,), attributes),
    )


def assert_same(header=ABSENT, *, alias="default", queries=True, **attributes):
    """Assert that both classes do the same with a header, and return what they do."""
    ours, theirs = (
        outcome(lambda cls=cls: cls().authenticate(request_with(header)), alias=alias)
        for cls in classes(**attributes)
    )
    if queries:
        assert ours == theirs
    else:
        assert ours[:2] == theirs[:2]
    return ours


def ask(key, model=None):
    """Authenticate as a request does; return what came of it and the number of queries."""
    ours, _ = classes(model=model)
    found = outcome(ours().authenticate_credentials, key)
    return found, len(found.queries)
