from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from ragsite.accounts.forms import SignInForm
from ragsite.accounts.models import User


class StaffSignInForm(SignInForm, AdminAuthenticationForm):
    """The sign-in form of the admin: staff only, with the same throttle."""


admin.site.login_form = StaffSignInForm


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = (
        "username",
        "first_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
        "date_joined",
    )
    fieldsets = (*(UserAdmin.fieldsets or ()), (_("Preferences"), {"fields": ("mail_when_ready",)}))
