from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UserCreationForm
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ragsite.accounts import devices, setup_code
from ragsite.accounts.models import User
from ragsite.accounts.throttling import SignInAttempt

PASSWORD_RULE = _(
    "At least 8 characters; not only digits, not similar to your username, not a common password."
)


class FirstAccountForm(UserCreationForm):
    """Create the first account, an operator. Requires the set-up code, which the URL may contain."""

    code = forms.CharField(
        label=_("Set-up code"),
        help_text=_("You find it in the terminal or the log of the site. It proves that you run this site."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )

    class Meta:
        model = User
        fields = ("username",)
        labels = {"username": _("Username")}
        help_texts = {"username": _("Letters, digits and @ . + - _ only.")}

    def __init__(self, *args: Any, code: str = "", **kwargs: Any) -> None:
        super().__init__(*args, initial={"code": code}, **kwargs)
        self.fields["password1"].help_text = PASSWORD_RULE
        self.fields["password2"].label = _("Repeat password")
        self.fields["password2"].help_text = ""
        if setup_code.is_valid(code):
            self.fields["code"].widget = forms.HiddenInput()

    def clean_code(self) -> str:
        given: str = self.cleaned_data["code"]
        if not setup_code.is_valid(given):
            raise ValidationError(_("Incorrect code. Copy the latest one from the log."))
        return given

    def create(self) -> User | None:
        """Return the new operator; None if another account was created first, even concurrently."""
        user = self.save(commit=False)  # hashes the password, which must not happen while the table is locked
        user.is_staff = user.is_superuser = True
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"lock table {User._meta.db_table} in share row exclusive mode")
            if User.objects.exists():
                return None
            user.save()
            return user


THROTTLED = "throttled"  # the error code


def check_throttle(attempt: SignInAttempt) -> None:
    """Count the attempt. Raises ValidationError if it has to wait; its password must not be checked then."""
    if seconds := attempt.register():
        sentence = ngettext(
            "Too many failed attempts. Try again in %(count)d second.",
            "Too many failed attempts. Try again in %(count)d seconds.",
            seconds,
        )
        raise ValidationError(sentence, THROTTLED, {"count": seconds})


def retry_after(form: forms.Form) -> int:
    """Return the seconds until the next attempt; 0 if the form was not throttled."""
    found = (
        error for errors in form.errors.as_data().values() for error in errors if error.code == THROTTLED
    )
    return max(((error.params or {})["count"] for error in found), default=0)


class SignInForm(AuthenticationForm):
    """Username and password, throttled as `throttling` describes."""

    error_messages = {
        "invalid_login": _("Incorrect username or password."),
        "inactive": _("This account is disabled. Ask the person who runs this site."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Username")

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if not username or not self.cleaned_data.get("password"):
            return self.cleaned_data
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        attempt = SignInAttempt(username, address, devices.get_device_id(self.request, username))
        check_throttle(attempt)
        cleaned = super().clean()
        attempt.mark_successful()
        return cleaned


class AccountForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("first_name", "email", "mail_when_ready")
        labels = {
            "first_name": _("Display name"),
            "email": _("Email"),
            "mail_when_ready": _("Email me when a document is ready or has failed"),
        }
        help_texts = {
            "first_name": _("If empty, your username is shown."),
            "mail_when_ready": _("Requires an email address, and a site that can send email."),
        }
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }


class PasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Current password")
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = PASSWORD_RULE
        self.fields["new_password2"].label = _("Repeat new password")
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        """Throttled too, so that an unattended browser is no way to guess the password."""
        attempt = SignInAttempt(self.user.get_username(), "", f"account {self.user.pk}")
        check_throttle(attempt)
        given: str = super().clean_old_password()
        attempt.mark_successful()
        return given
