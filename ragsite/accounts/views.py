from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from ragsite.accounts import devices, setup_code
from ragsite.accounts.forms import AccountForm, FirstAccountForm, PasswordForm, SignInForm, retry_after
from ragsite.accounts.models import User
from ragsite.accounts.requests import SignedInRequest
from ragsite.accounts.throttling import SignInAttempt


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Create the first account for a visitor with the set-up code. The URL that bin/dev prints contains it."""
    if User.objects.exists():
        return redirect("home")
    given = request.GET.get("code", "")
    if not setup_code.is_valid(given):
        setup_code.log_once()
    form = FirstAccountForm(request.POST or None, code=given)
    if not form.is_valid():
        return render(request, "accounts/setup.html", {"form": form})
    response = redirect("home")
    if user := form.create():
        login(request, user)
        SignInAttempt(user.get_username(), request.META.get("REMOTE_ADDR", "")).mark_successful()
        devices.set_device_cookie(response, user.get_username())
    return response


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A part of a page was requested after the user signed out: redirect the whole page.
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(sign_in_url(request))
        if not User.objects.exists():
            return redirect("accounts:setup")
        return super().dispatch(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        return add_retry_after(super().form_invalid(form), form)

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        devices.set_device_cookie(response, form.cleaned_data["username"])
        return response


@never_cache
@sensitive_post_parameters()
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page of the admin, throttled."""
    response = admin.site.login(request)
    form = getattr(response, "context_data", {}).get("form")
    return add_retry_after(response, form) if form else response


def add_retry_after(response: HttpResponse, form: Any) -> HttpResponse:
    """Turn the response into a 429 if the form was throttled."""
    if seconds := retry_after(form):
        response.status_code, response["Retry-After"] = 429, str(seconds)
    return response


def sign_in_url(request: HttpRequest) -> str:
    """Return the sign-in URL that leads back to the current page."""
    page = current_page(request)
    return resolve_url("accounts:login") + (f"?{urlencode({'next': page})}" if page else "")


def current_page(request: HttpRequest) -> str:
    """Return path and query of the page that sent an htmx request; "" if its header is invalid."""
    try:
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:  # for example http://[
        return ""
    return page.path and page.path + (f"?{page.query}" if page.query else "")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: SignedInRequest) -> HttpResponse:
    form = AccountForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("accounts:account")
    return render(
        request, "accounts/account.html", {"form": form, "password_form": PasswordForm(request.user)}
    )


@sensitive_post_parameters()
@login_required
@require_POST
def password(request: SignedInRequest) -> HttpResponse:
    form = PasswordForm(request.user, request.POST)
    if form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, _("Password changed."))
        return redirect("accounts:account")
    context = {"form": AccountForm(instance=User.objects.get(pk=request.user.pk)), "password_form": form}
    return add_retry_after(render(request, "accounts/account.html", context, status=422), form)
