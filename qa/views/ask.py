"""Views for asking: the ask page, the first question, follow-ups, and the same question again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.contrib.auth.decorators import login_required
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from documents.forms import UploadForm
from documents.models import Document
from documents.models.document import counts_for
from qa import streaming
from qa.choices import mark_asked_of, scope_in
from qa.forms import QuestionForm
from qa.models import Conversation, Question
from qa.suggestions import suggestions
from qa.views.conversation import conversation_context, earlier_answers
from qa.views.limits import may_ask_now, too_many_questions

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_safe
@never_cache
def home(request: SignedInRequest) -> HttpResponse:
    """The ask page, for all documents or for those of `?document=` and `?collection=`, which may be given several times."""
    form = QuestionForm(user=request.user, scope=scope_in(request.GET))
    if is_forbidden(request.GET, form):
        raise Http404
    return render(request, "qa/home.html", _home_context(request, form))


def _home_context(request: SignedInRequest, form: QuestionForm) -> dict[str, Any]:
    documents, document = Document.objects.visible_to(form.user), form.choice.only_document
    counts = request.document_counts = counts_for(form.user)
    return {
        "form": form,
        "document": document,
        "suggestions": suggestions(form.user, document),
        "upload_form": UploadForm(user=form.user),
        "can_ask": counts.askable > 0,
        "being_read": documents.moving().with_tasks().defer("embedding")[:5] if counts.moving else [],
    }


def is_forbidden(data: QueryDict, form: QuestionForm) -> bool:
    """Whether something was chosen and nothing of it exists for the user."""
    return (any(data.getlist("document")) or any(data.getlist("collection"))) and not form.choice.names


@login_required
@require_POST
def ask(request: SignedInRequest) -> HttpResponse:
    """The first question of a conversation."""
    form = QuestionForm(request.POST, user=request.user)
    if is_forbidden(request.POST, form):
        raise Http404
    if refusal := _refusal(form):
        if request.htmx:
            return _refused_form(request, {"form": form}, refusal)
        return render(request, "qa/home.html", _home_context(request, form), status=refusal)
    question = form.save()
    _start(request, question)
    return _begun_response(request, question) if request.htmx else redirect(question.conversation)


def _begun_response(request: SignedInRequest, question: Question) -> HttpResponse:
    """Return the new conversation's part of the page; its address comes with it."""
    conversation = question.conversation
    form = QuestionForm(user=request.user, scope=conversation.scope)
    mark_asked_of([question], request.user)
    context = {"conversation": conversation, "places": [(question, [])], "form": form}
    response = render(request, "qa/_begun.html", context)
    response["HX-Push-Url"] = conversation.get_absolute_url()
    return response


def _refused_form(request: SignedInRequest, context: dict[str, Any], status: int) -> HttpResponse:
    response = render(request, "qa/_question_form.html", context, status=status)
    response["HX-Retarget"], response["HX-Reswap"] = "#question-form", "outerHTML"
    return response


@login_required
@require_POST
def ask_in(request: SignedInRequest, pk: int) -> HttpResponse:
    """A follow-up question in a conversation; htmx gets only the new part of the page."""
    conversation = get_object_or_404(
        Conversation.objects.visible_to(request.user).select_related("user"), pk=pk
    )
    before = conversation.scope
    form = QuestionForm(request.POST, user=request.user, scope=before)
    if refusal := _refusal(form):
        if request.htmx:
            return _refused_form(request, {"conversation": conversation, "form": form}, refusal)
        context = conversation_context(conversation, form)
        return render(request, "qa/conversation.html", context, status=refusal)
    question = form.save(conversation)
    question.is_asked_of_others = before != form.scope
    _start(request, question)
    return _question_response(request, question)


def _refusal(form: QuestionForm) -> int | None:
    """Return the status of a refused question, with the reason in the form's errors."""
    if not form.is_valid():
        return 422
    if not may_ask_now(form.user):
        form.add_error(None, too_many_questions())
        return 429
    return None


@login_required
@require_POST
def again(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask the same question again, or with `text` an edited one, in place of the original; `fresh=1` skips the cache."""
    original = get_object_or_404(
        Question.objects.visible_to(request.user).select_related("conversation"), pk=pk
    )
    if original.is_running:
        return _question_response(request, original)
    form = QuestionForm(
        {"text": request.POST.get("text", original.text)}, user=request.user, scope=original.scope
    )
    if refusal := _refusal(form):
        sentence = form.errors.get("text", form.non_field_errors())[0]
        return render(request, "qa/too_many.html", {"sentence": sentence}, status=refusal)
    question = Question.objects.create(
        conversation=original.conversation,
        text=form.cleaned_data["text"],
        **form.scope.columns,
        parent_id=original.parent_id or original.pk,
        is_fresh=request.POST.get("fresh") == "1",
    )
    _start(request, question)
    return _question_response(request, question, earlier=earlier_answers(question))


def _start(request: SignedInRequest, question: Question) -> None:
    if isinstance(request, ASGIRequest):
        async_to_sync(streaming.begin_answer)(question)
    else:  # without a lasting event loop, the answer is written before the response
        async_to_sync(streaming.write_answer_now)(question)
        question.refresh_from_db()


def _question_response(
    request: SignedInRequest, question: Question, earlier: Sequence[Question] = ()
) -> HttpResponse:
    """Return the question with its running answer and earlier ones, or a redirect to it."""
    if not request.htmx:
        return redirect(f"{question.conversation.get_absolute_url()}#question-{question.pk}")
    mark_asked_of([question], request.user)
    return render(request, "qa/_question.html", {"question": question, "earlier": earlier, "is_new": True})
