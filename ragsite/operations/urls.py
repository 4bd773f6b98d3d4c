from django.urls import path

from ragsite.operations.views import activity, provider, work

app_name = "operations"
urlpatterns = [
    path("activity/", activity.activity_page, name="activity"),
    path("activity/parts/<slug:part>/", activity.activity_part, name="activity_part"),
    path("activity/work/", work.work, name="work"),
    path("activity/replay/", work.replay, name="replay"),
    path("activity/cancel/", work.cancel, name="cancel"),
    path("provider/", provider.provider, name="provider"),
    path("provider/test/", provider.test_provider, name="test_provider"),
    path("indexes/", provider.build_index, name="build_index"),
]
