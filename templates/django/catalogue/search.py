"""The search index: a copy of what the database holds, which `manage.py rebuild_index` makes anew."""

from functools import cache

from django.conf import settings
from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import bulk

from catalogue.models import Dataset

INDEX = "datasets"


class SearchUnavailable(Exception):
    """The search engine is not configured, or does not answer as it should."""


@cache
def _client() -> Elasticsearch:
    if settings.ELASTICSEARCH_URL is None:
        raise SearchUnavailable("No search engine is configured.")
    return Elasticsearch(settings.ELASTICSEARCH_URL, basic_auth=settings.ELASTICSEARCH_LOGIN, request_timeout=5)


def _document(dataset: Dataset) -> dict[str, str]:
    return {"title": dataset.title, "description": dataset.description}


def find(query: str) -> list[Dataset]:
    """The data sets that match, the best first. One that is no longer in the database is left out."""
    try:
        answer = _client().search(
            index=INDEX,
            query={"multi_match": {"query": query, "fields": ["title^2", "description"]}},
            ignore_unavailable=True,
        )
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(str(error)) from error
    found = [int(hit["_id"]) for hit in answer["hits"]["hits"]]
    datasets = Dataset.objects.in_bulk(found)
    return [datasets[identity] for identity in found if identity in datasets]


def put(dataset: Dataset) -> None:
    """Makes a data set findable, at once."""
    try:
        _client().index(index=INDEX, id=str(dataset.pk), document=_document(dataset), refresh="wait_for")
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(str(error)) from error


def rebuild() -> int:
    """Makes the index anew, and says how many data sets are in it."""
    try:
        _client().indices.delete(index=INDEX, ignore_unavailable=True)
        actions = ({"_id": str(each.pk), **_document(each)} for each in Dataset.objects.iterator())
        count, _ = bulk(_client(), actions, index=INDEX, refresh=True)
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(str(error)) from error
    return count
