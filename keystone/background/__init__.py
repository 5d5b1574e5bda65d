"""Work that outlives the request: tasks, on `django.tasks` in front and Procrastinate behind."""
