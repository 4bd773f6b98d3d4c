"""The sitemap."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from ragsite import health
from ragsite.accounts.views import admin_sign_in
from ragsite.operations import metrics

urlpatterns = [
    path("healthz", health.view, name="healthz"),
    path("readyz", health.view, name="readyz"),
    path("metrics", metrics.page, name="metrics"),
    path("account/", include("ragsite.accounts.urls")),
    path("documents/", include("documents.urls")),
    path("operations/", include("ragsite.operations.urls")),
    # The admin's password pages are the site's own, which throttle attempts.
    path("admin/login/", admin_sign_in, name="sign_in_of_staff"),
    path(
        "admin/password_change/",
        RedirectView.as_view(pattern_name="accounts:account"),
        name="password_of_staff",
    ),
    path("admin/", admin.site.urls),
    path("", include("qa.urls")),
]

handler400 = "ragsite.http.errors.bad_request"
handler500 = "ragsite.http.errors.server_error"
