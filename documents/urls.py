from django.urls import path

from documents.views import actions, add, changes, documents, download, images, read, selection

app_name = "documents"
urlpatterns = [
    path("", documents.documents, name="list"),
    path("upload/", add.upload, name="upload"),
    path("pages/", add.pages, name="pages"),
    path("text/", add.text, name="text"),
    path("selected/", selection.selected, name="selected"),
    path("changes/", changes.changes, name="changes"),
    path("<int:pk>/", read.document, name="document"),
    path("<int:pk>/pages/<int:number>/", read.page, name="page"),
    path("<int:pk>/pages/<int:number>/image", images.page_image, name="page_image"),
    path("<int:pk>/pages/<int:number>/marks", images.page_marks, name="page_marks"),
    path("<int:pk>/retry/", actions.retry, name="retry"),
    path("<int:pk>/cancel/", actions.cancel, name="cancel"),
    path("<int:pk>/delete/", actions.delete, name="delete"),
    path("<int:pk>/rename/", actions.rename, name="rename"),
    path("<int:pk>/tags/", actions.tags, name="tags"),
    path("<int:pk>/replace/", actions.replace, name="replace"),
    path("<int:pk>/keep/", actions.keep, name="keep"),
    path("<int:pk>/refresh/", actions.refresh, name="refresh"),
    path("<int:pk>/password/", actions.password, name="password"),
    path("<int:pk>/ocr/", actions.run_ocr, name="run_ocr"),
    path("<int:pk>/ocr/stop/", actions.stop_ocr, name="stop_ocr"),
    path("<int:pk>/download/", download.download, name="download"),
]
