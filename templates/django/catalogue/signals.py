"""Keeps the search index in step with the database. A search engine that is away keeps nobody from saving."""

import logging

from django.db.models.signals import post_save
from django.dispatch import receiver

from catalogue import search
from catalogue.models import Dataset

log = logging.getLogger(__name__)


@receiver(post_save, sender=Dataset)
def put_into_index(instance: Dataset, **_: object) -> None:
    try:
        search.put(instance)
    except search.SearchUnavailable as error:
        log.warning("Not put into the search index, run manage.py rebuild_index later: %s", error)
