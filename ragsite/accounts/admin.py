from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from ragsite.accounts.models import User


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
    fieldsets = (*(UserAdmin.fieldsets or ()), (_("Wishes"), {"fields": ("mail_when_ready",)}))
