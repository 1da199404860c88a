"""The server of the endpoints, over the database that the test has made."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.DATABASES["default"]["NAME"] = os.environ["IRONTOKEN_SCHEMA_DATABASE"]
application = get_wsgi_application()
