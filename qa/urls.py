from django.urls import include, path

from qa.views import ask, conversation, instructions, stream

app_patterns = [
    path("ask/", ask.ask, name="ask"),
    path("c/", conversation.conversations, name="conversations"),
    path("c/<int:pk>/", conversation.conversation, name="conversation"),
    path("c/<int:pk>/ask/", ask.ask_in, name="ask_in"),
    path("c/<int:pk>/delete/", conversation.delete, name="delete"),
    path("questions/<int:pk>/stream/", stream.stream, name="stream"),
    path("questions/<int:pk>/stop/", stream.stop, name="stop"),
    path("questions/<int:pk>/again/", ask.again, name="again"),
    path("questions/<int:pk>/rate/", conversation.rate, name="rate"),
    path("collections/<int:pk>/instructions/", instructions.instructions, name="instructions"),
    path("citations/<int:pk>/", conversation.citation, name="citation"),
]
urlpatterns = [
    path("", ask.home, name="home"),
    path("", include((app_patterns, "qa"))),
]
