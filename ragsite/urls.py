"""The sitemap."""

from django.contrib import admin
from django.urls import include, path

from ragsite import health
from ragsite.operations import metrics

urlpatterns = [
    path("healthz", health.view, name="healthz"),
    path("readyz", health.view, name="readyz"),
    path("metrics", metrics.page, name="metrics"),
    path("account/", include("ragsite.accounts.urls")),
    path("documents/", include("documents.urls")),
    path("operations/", include("ragsite.operations.urls")),
    path("admin/", admin.site.urls),
    path("", include("qa.urls")),
]

handler400 = "ragsite.errors.bad_request"
handler500 = "ragsite.errors.server_error"
