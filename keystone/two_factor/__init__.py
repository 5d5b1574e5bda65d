"""Two-factor sign-in: the password plus a code of an authenticator app (TOTP, RFC 6238) or a recovery code."""
