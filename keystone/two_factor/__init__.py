"""Two-factor sign-in: a code of an authenticator app (TOTP, RFC 6238) or a recovery code beside the password."""
