from django.urls import include, path

from qa.views import ask, conversation, export, instructions, manage, scope, shared, source, stream

app_patterns = [
    path("ask/", ask.ask, name="ask"),
    path("scope/", scope.scope, name="scope"),
    path("c/", conversation.conversations, name="conversations"),
    path("c/<int:pk>/", conversation.conversation, name="conversation"),
    path("c/<int:pk>/ask/", ask.ask_in, name="ask_in"),
    path("c/<int:pk>/manage/", manage.manage, name="manage"),
    path("c/<int:pk>/rename/", manage.rename, name="rename"),
    path("c/<int:pk>/pin/", manage.pin, name="pin"),
    path("c/<int:pk>/share/", manage.share, name="share"),
    path("c/<int:pk>/export.<slug:kind>", export.export, name="export"),
    path("c/<int:pk>/delete/", manage.delete, name="delete"),
    path("shares/<int:pk>/revoke/", manage.revoke, name="revoke"),
    path("shared/<str:token>/", shared.shared, name="shared"),
    path("questions/<int:pk>/stream/", stream.stream, name="stream"),
    path("questions/<int:pk>/stop/", stream.stop, name="stop"),
    path("questions/<int:pk>/again/", ask.again, name="again"),
    path("questions/<int:pk>/rate/", manage.rate, name="rate"),
    path("collections/<int:pk>/instructions/", instructions.instructions, name="instructions"),
    path("citations/<int:pk>/", source.citation, name="citation"),
]
urlpatterns = [
    path("", ask.home, name="home"),
    path("", include((app_patterns, "qa"))),
]
