from django.urls import path

from ragsite.operations.views import activity, connections, provider, work

app_name = "operations"
urlpatterns = [
    path("activity/", activity.activity_page, name="activity"),
    path("activity/parts/<slug:part>/", activity.activity_part, name="activity_part"),
    path("activity/work/", work.work, name="work"),
    path("activity/replay/", work.replay, name="replay"),
    path("activity/cancel/", work.cancel, name="cancel"),
    path("provider/", provider.provider, name="provider"),
    path("provider/test/", provider.test_provider, name="test_provider"),
    path("provider/<slug:role>/test/", connections.test_connection, name="test_connection"),
    path("provider/<slug:role>/save/", connections.save_connection, name="save_connection"),
    path("provider/<slug:role>/disconnect/", connections.disconnect, name="disconnect"),
    path("indexes/", provider.build_index, name="build_index"),
]
