"""The password hash: Argon2id with OWASP's second set of parameters (19 MiB, 2 iterations, 1 lane)."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Source: OWASP Password Storage Cheat Sheet. Older hashes are upgraded at the next sign-in."""

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
