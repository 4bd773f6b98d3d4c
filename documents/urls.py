from django.urls import path

from documents.views import add, changes, documents, read

app_name = "documents"
urlpatterns = [
    path("", documents.documents, name="list"),
    path("upload/", add.upload, name="upload"),
    path("pages/", add.pages, name="pages"),
    path("text/", add.text, name="text"),
    path("selected/", documents.selected, name="selected"),
    path("changes/", changes.changes, name="changes"),
    path("<int:pk>/", read.document, name="document"),
    path("<int:pk>/pages/<int:number>/", read.page, name="page"),
    path("<int:pk>/pages/<int:number>/image", read.page_image, name="page_image"),
    path("<int:pk>/pages/<int:number>/marks", read.page_marks, name="page_marks"),
    path("<int:pk>/retry/", documents.retry, name="retry"),
    path("<int:pk>/cancel/", documents.cancel, name="cancel"),
    path("<int:pk>/delete/", documents.delete, name="delete"),
    path("<int:pk>/rename/", documents.rename, name="rename"),
    path("<int:pk>/replace/", documents.replace, name="replace"),
    path("<int:pk>/keep/", documents.keep, name="keep"),
    path("<int:pk>/refresh/", documents.refresh, name="refresh"),
    path("<int:pk>/password/", documents.password, name="password"),
    path("<int:pk>/pictures/", documents.read_pictures, name="read_pictures"),
    path("<int:pk>/pictures/stop/", documents.stop_reading_pictures, name="stop_reading_pictures"),
    path("<int:pk>/download/", documents.download, name="download"),
]
