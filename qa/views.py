"""What a person does with questions: ask, watch the answer come, look at its sources, ask again, rate, take away."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from documents.models import Collection, Document
from qa import streaming
from qa.answering.history import in_their_places
from qa.forms import QuestionForm
from qa.models import Citation, Conversation, Question
from qa.models.question import mark_withheld
from qa.source_view import open_passage
from qa.suggestions import suggestions
from ragsite.accounts.sessions import user_of_session

if TYPE_CHECKING:
    from ragsite.accounts.models import User

QUESTIONS_A_MINUTE = 30
CONVERSATIONS_ON_A_PAGE = 50


@login_required
@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The ask page, of all documents or (?document=, ?collection=) of some."""
    user = _user(request)
    document = _chosen(Document.objects.visible_to(user), request.GET.get("document"))
    collection = _chosen(Collection.objects.visible_to(user), request.GET.get("collection"))
    form = QuestionForm(initial={"document": document, "collection": collection}, user=user)
    return render(request, "qa/home.html", _home_context(request, form, document))


def _home_context(request: HttpRequest, form: QuestionForm, document: Document | None) -> dict[str, Any]:
    from documents.forms import UploadForm

    documents = Document.objects.visible_to(form.user)
    return {
        "form": form,
        "document": document,
        "suggestions": suggestions(form.user, document),
        "upload_form": UploadForm(user=form.user),
        "can_ask": documents.askable().exists(),
        "being_read": documents.moving().with_tasks().defer("embedding")[:5],
    }


def _chosen(rows: QuerySet[Any], pk: str | None) -> Any:
    """The row that an address names; 404 where it is not there or not theirs."""
    if not pk:
        return None
    if not pk.isascii() or not pk.isdecimal() or len(pk) > 18:
        raise Http404
    return get_object_or_404(rows, pk=pk)


@login_required
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """The first question of a conversation."""
    form = QuestionForm(request.POST, user=_user(request))
    if form.names_what_is_not_theirs:
        raise Http404
    if refusal := _refusal(form):
        document = form.cleaned_data.get("document")
        return render(request, "qa/home.html", _home_context(request, form, document), status=refusal)
    question = form.save()
    _start(request, question)
    return redirect(question.conversation)


@login_required
@require_POST
def ask_in(request: HttpRequest, pk: int) -> HttpResponse:
    """A further question of a conversation; with script only what is new on the page is sent."""
    conversation = get_object_or_404(_conversations(request), pk=pk)
    form = QuestionForm(request.POST, user=_user(request))
    if refusal := _refusal(form):
        template = "qa/_question_form.html" if _is_htmx(request) else "qa/conversation.html"
        response = render(request, template, _conversation_context(conversation, form), status=refusal)
        response["HX-Retarget"], response["HX-Reswap"] = "#question-form", "outerHTML"
        return response
    question = form.save(conversation)
    _start(request, question)
    return _question(request, question)


def _refusal(form: QuestionForm) -> int | None:
    """The status with which a question is sent back, the form saying why."""
    if not form.is_valid():
        return 422
    if not _may_ask_now(form.user):
        form.add_error(
            None, _("You have asked very many questions in a short time. Wait a minute, then ask again.")
        )
        return 429
    return None


def minute() -> str:
    """The one it is now; questions are counted in each anew."""
    return f"{timezone.now():%H%M}"


def _may_ask_now(user: User) -> bool:
    key = f"asked:{user.pk}:{minute()}"
    try:
        cache.add(key, 0, 120)
        return cache.incr(key) <= QUESTIONS_A_MINUTE
    except (RedisError, ValueError):  # without the cache nobody is kept from asking
        return True


def _start(request: HttpRequest, question: Question) -> None:
    if isinstance(request, ASGIRequest):
        async_to_sync(streaming.begin_answer)(question)
    else:  # a server without an event loop that lives on: the answer is written before the response
        async_to_sync(streaming.write_answer_now)(question)


def _question(request: HttpRequest, question: Question) -> HttpResponse:
    """The question with its answer to come, or the way to it."""
    if not _is_htmx(request):
        return redirect(f"{question.conversation.get_absolute_url()}#question-{question.pk}")
    question.refresh_from_db()
    return render(request, "qa/_question.html", {"question": question, "is_new": True})


@login_required
@require_safe
@never_cache
def conversations(request: HttpRequest) -> HttpResponse:
    """All of a person's, the newest first; the menu has only the newest."""
    shown = Paginator(_conversations(request), CONVERSATIONS_ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "qa/conversations.html", {"conversations": shown})


@login_required
@require_safe
@never_cache
def conversation(request: HttpRequest, pk: int) -> HttpResponse:
    conversation = get_object_or_404(_conversations(request), pk=pk)
    form = QuestionForm(user=_user(request))
    return render(request, "qa/conversation.html", _conversation_context(conversation, form))


def _conversation_context(conversation: Conversation, form: QuestionForm) -> dict[str, Any]:
    rows = Citation.objects.with_serving().with_rights(form.user).order_by("number")
    questions = conversation.questions.prefetch_related(Prefetch("citations", queryset=rows))
    places = in_their_places(questions)
    mark_withheld(chain.from_iterable(places), form.user)
    return {
        "conversation": conversation,
        "places": [(rows[-1], rows[:-1]) for rows in places],
        "form": form,
        "is_running": any(rows[-1].is_running for rows in places),
    }


@login_required
@require_safe
async def stream(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The answer as it comes, after the last entry that the reader has. Has no side effects."""
    user = cast("User", await request.auser())
    # In the thread that has this request's connection: many streams that each waited for a second one would wait for each other.
    question = await sync_to_async(Question.objects.visible_to(user).filter(pk=pk).first)()
    if question is None:
        raise Http404
    # An open stream would otherwise hold on to this request's connection for as long as it is open.
    await sync_to_async(connections.close_all)()
    reader = partial(user_of_session, request.session.session_key)
    events = streaming.answer_events(question, request.headers.get("Last-Event-ID", ""), reader=reader)
    headers = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


@login_required
@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    question = get_object_or_404(_questions(request), pk=pk)
    async_to_sync(streaming.request_stop)(question)
    return HttpResponse(status=204) if _is_htmx(request) else redirect(question.conversation)


@login_required
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """The same question once more, in the place of its elder; with fresh=1 past the cache."""
    elder = get_object_or_404(_questions(request), pk=pk)
    if elder.is_running:
        return _question(request, elder)
    if not _may_ask_now(_user(request)):
        sentence = _("You have asked very many questions in a short time. Wait a minute, then ask again.")
        return render(request, "qa/too_many.html", {"sentence": sentence}, status=429)
    question = Question.objects.create(
        conversation=elder.conversation,
        text=elder.text,
        parent_id=elder.parent_id or elder.pk,
        is_fresh=request.POST.get("fresh") == "1",
    )
    _start(request, question)
    return _question(request, question)


@login_required
@require_POST
def rate(request: HttpRequest, pk: int) -> HttpResponse:
    question = get_object_or_404(_questions(request), pk=pk)
    if (value := request.POST.get("value")) not in ("-1", "0", "1"):
        raise Http404
    question.rating = int(value)
    question.save(update_fields=["rating"])
    return (
        render(request, "qa/_rating.html", {"question": question})
        if _is_htmx(request)
        else redirect(question.conversation)
    )


@login_required
@require_safe
def citation(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the answer's words stand: beside the answer, or without script as a page of its own."""
    rows = Citation.objects.visible_to(_user(request)).with_rights(_user(request))
    rows = rows.with_serving().select_related("question__conversation")
    row = get_object_or_404(rows, pk=pk)
    wanted = [_number(request.GET.get(name, "")) for name in ("page", "part")]
    context = {"passage": open_passage(row, _user(request), *wanted), "citation": row}
    response = render(request, "qa/_source_panel.html" if _is_htmx(request) else "qa/source.html", context)
    response["Vary"] = "HX-Request"
    return response


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(_conversations(request), pk=pk).delete()
    if _is_htmx(request):
        return HttpResponse(headers={"HX-Redirect": reverse("home")})
    return redirect("home")


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _conversations(request: HttpRequest) -> QuerySet[Conversation]:
    return Conversation.objects.visible_to(_user(request)).select_related("user")


def _questions(request: HttpRequest) -> QuerySet[Question]:
    return Question.objects.visible_to(_user(request)).select_related("conversation")


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))
