from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def health_check(_: HttpRequest) -> JsonResponse:
    """
    Whether the application can work: 200 when the database answers, 503 when not, each part as JSON.

    Migrations that wait are told and no failure: where no deployment migrates by itself, somebody has to be able to do it.
    """
    try:
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        return JsonResponse({"database": f"unavailable: {error}"}, status=503)
    return JsonResponse(
        {
            "database": "working",
            "migrations": "applied" if waiting == 0 else f"{waiting} to be applied: manage.py migrate",
        }
    )
