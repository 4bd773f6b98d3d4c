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
from ragsite.accounts.sign_in import Try

PASSWORD_RULE = _("At least 8 characters; not only digits, not your name, and none that everybody uses.")


class FirstAccountForm(UserCreationForm):
    """The site's first account: an operator's. It takes the code, which the address may bring along."""

    code = forms.CharField(
        label=_("Code"),
        help_text=_(
            "It is in the terminal or the log of the site, so that only the person who runs it can begin here."
        ),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )

    class Meta:
        model = User
        fields = ("username",)
        labels = {"username": _("Name")}
        help_texts = {"username": _("You sign in with it. Letters, digits and @ . + - _ without spaces.")}

    def __init__(self, *args: Any, code: str = "", **kwargs: Any) -> None:
        super().__init__(*args, initial={"code": code}, **kwargs)
        self.fields["password1"].help_text = PASSWORD_RULE
        self.fields["password2"].label = _("Password, once more")
        self.fields["password2"].help_text = ""
        if setup_code.is_right(code):
            self.fields["code"].widget = forms.HiddenInput()

    def clean_code(self) -> str:
        given: str = self.cleaned_data["code"]
        if not setup_code.is_right(given):
            raise ValidationError(_("That is not the code in the log. Copy the newest one from there."))
        return given

    def create(self) -> User | None:
        """The operator; None when somebody else was first, however close the two came."""
        user = self.save(commit=False)  # computes the password's hash: not while the table is locked
        user.is_staff = user.is_superuser = True
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"lock table {User._meta.db_table} in share row exclusive mode")
            if User.objects.exists():
                return None
            user.save()
            return user


WAIT = "wait"  # the code of the error that says so


def count(attempt: Try) -> None:
    """ValidationError where the try has to wait; then no password may be looked at."""
    if seconds := attempt.begin():
        sentence = ngettext(
            "Too many wrong passwords. Try again in %(count)d second.",
            "Too many wrong passwords. Try again in %(count)d seconds.",
            seconds,
        )
        raise ValidationError(sentence, WAIT, {"count": seconds})


def seconds_to_wait(form: forms.Form) -> int:
    """How long until the next try; 0 where the form was not sent back for that."""
    found = (error for errors in form.errors.as_data().values() for error in errors if error.code == WAIT)
    return max(((error.params or {})["count"] for error in found), default=0)


class SignInForm(AuthenticationForm):
    """Name and password. Too many wrong ones, and the next try has to wait: see `sign_in`."""

    error_messages = {
        "invalid_login": _("This name and password do not go together. Capital letters matter in both."),
        "inactive": _("This account is switched off. Ask the person who runs this site."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Name")

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return self.cleaned_data
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        attempt = Try(name, address, devices.device_of(self.request, name))
        count(attempt)
        cleaned = super().clean()
        attempt.succeeded()
        return cleaned


class AccountForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("first_name", "email", "mail_when_ready")
        labels = {"first_name": _("Name to show"), "email": _("Mail address")}
        help_texts = {"first_name": _("Left empty, your sign-in name is shown.")}
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }


class PasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Password so far")
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = PASSWORD_RULE
        self.fields["new_password2"].label = _("New password, once more")
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        """Who sits at a browser that was left open cannot try one password after the other."""
        attempt = Try(self.user.get_username(), "", f"account {self.user.pk}")
        count(attempt)
        given: str = super().clean_old_password()
        attempt.succeeded()
        return given
