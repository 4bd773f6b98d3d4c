from django.urls import path

from ragsite.operations import views

app_name = "operations"
urlpatterns = [
    path("provider/", views.provider, name="provider"),
    path("provider/test/", views.test_provider, name="test_provider"),
    path("indexes/", views.build_index, name="build_index"),
]
