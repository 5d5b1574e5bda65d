"""Your admin."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from project.models import Profile


@admin.register(Profile)
class ProfileAdmin(ModelAdmin):
    """The profiles."""

    list_display = ("user", "organisation", "updated_at")
    list_select_related = ("user",)
    search_fields = ("organisation",)
    autocomplete_fields = ("user",)
