import os

from django.apps import AppConfig


class EarlyConfig(AppConfig):
    name = "tests.stress.write_paths.early"
    label = "write_paths_early"

    def ready(self):
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE auth_user SET first_name = 'early' WHERE id = %s",
                (int(os.environ["WRITE_PATHS_EARLY_USER"]),),
            )
