from django.core.management.base import BaseCommand, CommandError

from catalogue import search


class Command(BaseCommand):
    help = "Makes the search index anew from the database."

    def handle(self, *_: object, **__: object) -> None:
        try:
            count = search.rebuild()
        except search.SearchUnavailable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The search index holds {count} data sets.")
