from django.urls import path

from documents import adding, changes, reading, views

app_name = "documents"
urlpatterns = [
    path("", views.documents, name="list"),
    path("upload/", adding.upload, name="upload"),
    path("pages/", adding.pages, name="pages"),
    path("text/", adding.text, name="text"),
    path("selected/", views.selected, name="selected"),
    path("changes/", changes.changes, name="changes"),
    path("<int:pk>/", reading.document, name="document"),
    path("<int:pk>/pages/<int:number>/", reading.page, name="page"),
    path("<int:pk>/pages/<int:number>/image", reading.page_image, name="page_image"),
    path("<int:pk>/pages/<int:number>/marks", reading.page_marks, name="page_marks"),
    path("<int:pk>/retry/", views.retry, name="retry"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<int:pk>/rename/", views.rename, name="rename"),
    path("<int:pk>/replace/", views.replace, name="replace"),
    path("<int:pk>/keep/", views.keep, name="keep"),
    path("<int:pk>/refresh/", views.refresh, name="refresh"),
    path("<int:pk>/password/", views.password, name="password"),
    path("<int:pk>/pictures/", views.read_pictures, name="read_pictures"),
    path("<int:pk>/pictures/stop/", views.stop_reading_pictures, name="stop_reading_pictures"),
    path("<int:pk>/download/", views.download, name="download"),
]
