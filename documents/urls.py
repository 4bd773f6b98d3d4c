from django.urls import path

from documents import views

app_name = "documents"
urlpatterns = [
    path("", views.documents, name="list"),
    path("upload/", views.upload, name="upload"),
    path("selected/", views.selected, name="selected"),
    path("notices/", views.notices, name="notices"),
    path("<int:pk>/", views.document, name="document"),
    path("<int:pk>/row/", views.row, name="row"),
    path("<int:pk>/pages/<int:number>/", views.page, name="page"),
    path("<int:pk>/retry/", views.retry, name="retry"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<int:pk>/replace/", views.replace, name="replace"),
    path("<int:pk>/download/", views.download, name="download"),
]
