"""Your admin."""

from django.contrib import admin

from keystone.admin.model_admin import KeystoneModelAdmin
from project.models import Profile


@admin.register(Profile)
class ProfileAdmin(KeystoneModelAdmin):
    """The admin of profiles."""

    list_display = ("user", "organisation", "updated_at")
    list_select_related = ("user",)
    search_fields = ("organisation",)
    autocomplete_fields = ("user",)
