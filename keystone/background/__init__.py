"""Background tasks: the API of `django.tasks` on top of Procrastinate."""
