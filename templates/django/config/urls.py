from django.contrib import admin
from django.urls import path

from catalogue.health import health_check
from catalogue.views import index

urlpatterns = [
    path("", index),
    path("admin/", admin.site.urls),
    path("health_check/", health_check),
]
