from django.db import models


class Dataset(models.Model):
    """A collection of data that the catalogue describes."""

    title = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title
