"""Asynchronous code, generators, signals, and objects that write when they end."""

import asyncio
import contextlib
import gc

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.db.models.signals import post_delete, post_save, pre_save
from rest_framework.authtoken.models import Token

import irontoken
from tests.stress.write_paths.common import raw_rename, users
from tests.stress.write_paths.registry import path
from tests.stress.write_paths.trial import pause


def run(coroutine):
    """Run a coroutine, and close the connections of the thread that Django gave it."""

    async def done():
        try:
            await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    asyncio.run(done())


@path("async: aupdate", short=True)
def _(row):
    run(users(row).aupdate(first_name="async"))


@path("async: asave")
def _(row):
    row.user.first_name = "async"
    run(row.user.asave())


@path("async: adelete of an instance")
def _(row):
    run(row.token.adelete())


@path("async: adelete of a queryset")
def _(row):
    run(Token.objects.filter(key=row.key).adelete())


@path("async: aupdate_or_create")
def _(row):
    run(
        User.objects.aupdate_or_create(username=row.user.username, defaults={"first_name": "aync"})
    )


@path("async: abulk_update")
def _(row):
    row.user.first_name = "async"
    run(User.objects.abulk_update([row.user], ["first_name"]))


@path("async: sync_to_async")
def _(row):
    run(sync_to_async(raw_rename)(row))


@path("async: sync_to_async, not thread-sensitive")
def _(row):
    def work():
        try:
            raw_rename(row)
        finally:
            connections.close_all()

    run(sync_to_async(work, thread_sensitive=False)())


@path("async: a transaction in sync_to_async")
def _(row):
    @sync_to_async
    def work():
        with transaction.atomic():
            users(row).update(first_name="async")
            pause()

    run(work())


@path("async: async_to_sync in a thread of its own")
def _(row):
    async def work():
        await users(row).aupdate(first_name="to sync")

    async_to_sync(work)()


@path("async: two tasks at once")
def _(row):
    async def work():
        await asyncio.gather(
            users(row).aupdate(first_name="one"), users(row).aupdate(last_name="two")
        )

    run(work())


@path("async: a task that is cancelled after its write")
def _(row):
    async def work():
        written = asyncio.Event()

        async def write():
            await users(row).aupdate(first_name="cancelled")
            written.set()
            await asyncio.sleep(10)

        task = asyncio.create_task(write())
        await written.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run(work())


@path("async: an asynchronous iterator is open")
def _(row):
    async def work():
        async for user in User.objects.filter(pk__gte=row.pk).aiterator(chunk_size=1):
            await User.objects.filter(pk=user.pk).aupdate(first_name="in the loop")

    run(work())


@path("generator: a transaction in a generator")
def _(row):
    def steps():
        with transaction.atomic():
            users(row).update(first_name="in a generator")
            yield
        yield

    found = steps()
    next(found)
    pause()
    next(found)


@path("generator: one that is closed inside of its transaction")
def _(row):
    def steps():
        with transaction.atomic():
            users(row).update(first_name="never")
            yield

    found = steps()
    next(found)
    pause()
    found.close()


@path("generator: a finalizer that writes")
def _(row):
    class Last:
        def __del__(self):
            users(row).update(first_name="at the end")

    last = Last()
    del last


@path("generator: a finalizer in a cycle that writes")
def _(row):
    class Last:
        def __del__(self):
            users(row).update(first_name="collected")

    last = Last()
    last.itself = last
    del last
    gc.collect()


@contextlib.contextmanager
def connected(signal, receiver, sender):
    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


@path("signal: post_save of another model writes")
def _(row):
    from tests.stress.write_paths.models import Mood

    def write(**_):
        users(row).update(first_name="by a signal")

    with connected(post_save, write, Mood):
        Mood.objects.create(name="x")


@path("signal: pre_save that changes the instance")
def _(row):
    def change(instance, **_):
        instance.is_active = False

    with connected(pre_save, change, User):
        row.user.save()


@path("signal: post_delete that raises, in a transaction")
def _(row):
    def fail(**_):
        raise ZeroDivisionError

    with connected(post_delete, fail, Token), contextlib.suppress(ZeroDivisionError):
        row.token.delete()


@path("signal: post_save that raises after the write")
def _(row):
    def fail(**_):
        raise ZeroDivisionError

    row.user.first_name = "written"
    with connected(post_save, fail, User), contextlib.suppress(ZeroDivisionError):
        row.user.save()


@path("signal: request_finished closes the connection after a write")
def _(row):
    from django.core.signals import request_finished

    users(row).update(first_name="in a request")
    request_finished.send(sender=None)


@path("login: django.contrib.auth.login")
def _(row):
    from django.contrib.auth.signals import user_logged_in

    user_logged_in.send(sender=User, request=None, user=row.user)


@path("views: obtain_auth_token, then its token is deleted")
def _(row):
    from rest_framework.authtoken.views import obtain_auth_token
    from rest_framework.test import APIRequestFactory

    row.user.set_password("secret")
    row.user.save()
    request = APIRequestFactory().post(
        "/", {"username": row.user.username, "password": "secret"}, format="json"
    )
    assert obtain_auth_token(request).data["token"] == row.key
    Token.objects.filter(key=row.key).delete()


@path("test client: a view with ATOMIC_REQUESTS")
def _(row):
    from django.core.handlers.base import BaseHandler
    from django.db import connection

    def view(request):
        users(row).update(first_name="atomic requests")
        pause()

    before = connection.settings_dict["ATOMIC_REQUESTS"]
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        BaseHandler().make_view_atomic(view)(None)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = before


@path("asked and written in turns", short=True)
def _(row):
    for number in range(3):
        users(row).update(first_name=f"turn {number}")
        user, _ = irontoken.TokenAuthentication().authenticate_credentials(row.key)
        assert user.first_name == f"turn {number}"
