"""Previews of mails from sample data. They don't create tokens."""

from django.conf import settings
from django.template import Context, Engine, TemplateDoesNotExist, TemplateSyntaxError

from keystone.mail import registry
from keystone.mail.rendering import FOLDER, Rendered, render

PARTIALS = ("subject", "preheader", "text", "body", "why")


def preview(name: str, *, language: str = "") -> Rendered:
    """Render a mail with its sample data.

    Args:
        name: the name that the mail is registered under.
        language: the language's code; empty for LANGUAGE_CODE.

    Raises:
        UnknownEmail: no mail is registered as `name`.
        TemplateDoesNotExist, TemplateSyntaxError: the template is missing, lacks a partial or is invalid.
        ValueError: the output is not valid MJML.
    """
    return render(name, registry.get(name).sample, language=language)


def try_preview(name: str, *, language: str = "") -> tuple[Rendered | None, str]:
    """Render a mail with its sample data. Return the mail or None, and the error for those who can fix the template.

    The code of the template's tags and filters may raise any exception.
    """
    try:
        return preview(name, language=language), ""
    except Exception as error:  # noqa: BLE001 - as above; the error is returned, not hidden
        return None, f"{type(error).__name__}: {error}"


def says_nothing(name: str) -> bool:
    """Return whether the text part would contain only the greeting and the signature that all mails have."""
    template = Engine.get_default().get_template(f"{FOLDER}/{name}.mjml#text")
    return not template.render(Context(dict(registry.get(name).sample), autoescape=False)).strip()


def missing_partials(name: str) -> list[str]:
    """Return the required partials that a mail's template lacks; all of them if there is no template."""
    missing = []
    for partial in PARTIALS:
        try:
            Engine.get_default().get_template(f"{FOLDER}/{name}.mjml#{partial}")
        except TemplateDoesNotExist:
            missing.append(partial)
        except TemplateSyntaxError:  # the partials are unknown; rendering reports the error
            return []
    return missing


def language_or_default(code: str) -> str:
    """Return `code` if the site has this language, otherwise LANGUAGE_CODE."""
    return code if code in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
