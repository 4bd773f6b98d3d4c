from django.urls import include, path

from qa import views

app_patterns = [
    path("ask/", views.ask, name="ask"),
    path("c/", views.conversations, name="conversations"),
    path("c/<int:pk>/", views.conversation, name="conversation"),
    path("c/<int:pk>/ask/", views.ask_in, name="ask_in"),
    path("c/<int:pk>/delete/", views.delete, name="delete"),
    path("questions/<int:pk>/stream/", views.stream, name="stream"),
    path("questions/<int:pk>/stop/", views.stop, name="stop"),
    path("questions/<int:pk>/again/", views.again, name="again"),
    path("questions/<int:pk>/rate/", views.rate, name="rate"),
    path("citations/<int:pk>/", views.citation, name="citation"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("", include((app_patterns, "qa"))),
]
