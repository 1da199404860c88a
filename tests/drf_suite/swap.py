"""A pytest plugin that puts irontoken's class in the place of REST framework's, and confirm it.

The run fails where REST framework's own ``authenticate`` ran, or irontoken's never did.
``IRONTOKEN_SWAP=0`` leaves the class where it is, to see that failure, and ``IRONTOKEN_CACHE=1``
turns the cache on.
"""

import os

import pytest

calls = {"irontoken": 0, "DRF": 0}


def counted(cls, name, authenticate):
    def count(self, request):
        calls[name] += 1
        return authenticate(self, request)

    cls.authenticate = count


class CacheOn:
    """Adds the app and its setting to those that REST framework's tests are run with."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self):
        from django.conf import settings

        configure = settings.configure

        def configure_with_cache(**options):
            options["INSTALLED_APPS"] = (*options["INSTALLED_APPS"], "irontoken")
            configure(**options, IRONTOKEN={"CACHE": {"COHERENCE": "host"}})

        settings.__dict__["configure"] = configure_with_cache


def pytest_addoption(pluginmanager):
    if os.environ.get("IRONTOKEN_CACHE") == "1":
        pluginmanager.register(CacheOn())


@pytest.hookimpl(trylast=True)
def pytest_configure():
    from rest_framework import authentication

    import irontoken

    drf = authentication.TokenAuthentication
    ours = irontoken.TokenAuthentication
    counted(ours, "irontoken", ours.authenticate)
    counted(drf, "DRF", drf.authenticate)
    if os.environ.get("IRONTOKEN_SWAP") != "0":
        authentication.TokenAuthentication = ours


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(
        f"authenticate() ran {calls['irontoken']} times in irontoken's class, "
        f"{calls['DRF']} times in REST framework's"
    )
    if os.environ.get("IRONTOKEN_CACHE") == "1":
        terminalreporter.write_line(f"the cache was {cache_state()}")


def cache_state():
    import irontoken

    return irontoken.cache_info().coherence


def pytest_sessionfinish(session):
    if not calls["irontoken"] or calls["DRF"]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
