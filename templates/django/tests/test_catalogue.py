from unittest import mock

from django.test import TestCase

from catalogue import search
from catalogue.models import Dataset


class CatalogueTest(TestCase):
    def setUp(self) -> None:
        with mock.patch.object(search, "put"):
            self.tides = Dataset.objects.create(title="Tides", description="Heights at Hull")
            self.winds = Dataset.objects.create(title="Winds")

    def test_lists_what_the_database_holds(self) -> None:
        page = self.client.get("/")
        self.assertContains(page, "2 data sets in the database.")
        self.assertContains(page, "Heights at Hull")

    def test_shows_what_the_search_engine_finds(self) -> None:
        with mock.patch.object(search, "find", return_value=[self.winds]):
            page = self.client.get("/", {"q": "wind"})
        self.assertContains(page, "Winds")
        self.assertNotContains(page, "Tides")

    def test_says_that_the_search_does_not_work(self) -> None:
        with mock.patch.object(search, "find", side_effect=search.SearchUnavailable("it is away")):
            page = self.client.get("/", {"q": "wind"})
        self.assertContains(page, "The search does not work: it is away")

    def test_saves_while_the_search_engine_is_away(self) -> None:
        with mock.patch.object(search, "put", side_effect=search.SearchUnavailable("it is away")):
            Dataset.objects.create(title="Waves")
        self.assertEqual(Dataset.objects.count(), 3)

    def test_reports_its_health(self) -> None:
        health = self.client.get("/health_check/", {"format": "json"})
        self.assertEqual(health.json(), {"database": "working", "migrations": "applied"})
