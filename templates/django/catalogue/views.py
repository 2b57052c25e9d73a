from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from catalogue import search
from catalogue.models import Dataset


def index(request: HttpRequest) -> HttpResponse:
    """All data sets, from the database; with ?q=… those that the search engine finds."""
    query = request.GET.get("q", "").strip()
    page: dict[str, object] = {"query": query, "count": Dataset.objects.count()}
    try:
        page["datasets"] = search.find(query) if query else Dataset.objects.all()
    except search.SearchUnavailable as error:
        page["unavailable"] = str(error)
    return render(request, "catalogue/index.html", page)
