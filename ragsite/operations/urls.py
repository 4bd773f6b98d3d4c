from django.urls import path

from ragsite.operations import views

app_name = "operations"
urlpatterns = [
    path("activity/", views.activity_page, name="activity"),
    path("activity/parts/<slug:part>/", views.activity_part, name="activity_part"),
    path("activity/work/", views.work, name="work"),
    path("activity/replay/", views.replay, name="replay"),
    path("activity/cancel/", views.cancel, name="cancel"),
    path("provider/", views.provider, name="provider"),
    path("provider/test/", views.test_provider, name="test_provider"),
    path("indexes/", views.build_index, name="build_index"),
]
