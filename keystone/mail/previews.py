"""Previews of mails from sample data. No token is minted for them."""

from django.conf import settings
from django.template import Context, Engine, TemplateDoesNotExist, TemplateSyntaxError

from keystone.mail import registry
from keystone.mail.rendering import FOLDER, Rendered, render

PARTIALS = ("subject", "preheader", "text", "body", "why")


def preview(name: str, *, language: str = "") -> Rendered:
    """A mail with its sample data.

    Args:
        name: that the mail is registered by.
        language: its code; LANGUAGE_CODE where it is empty.

    Raises:
        UnknownEmail: no mail is registered by `name`.
        TemplateDoesNotExist, TemplateSyntaxError: the template is missing, lacks a partial or is wrong.
        ValueError: what came out is not MJML.
    """
    return render(name, registry.get(name).sample, language=language)


def try_preview(name: str, *, language: str = "") -> tuple[Rendered | None, str]:
    """A mail with its sample data, or why it cannot be shown, for those who can mend its template.

    Any code of the template's tags and filters runs, and may fail in any way.
    """
    try:
        return preview(name, language=language), ""
    except Exception as error:  # noqa: BLE001 - as above; it is told, not hidden
        return None, f"{type(error).__name__}: {error}"


def says_nothing(name: str) -> bool:
    """Whether the text part would be nothing but the greeting and the signature that all mails have."""
    template = Engine.get_default().get_template(f"{FOLDER}/{name}.mjml#text")
    return not template.render(Context(dict(registry.get(name).sample), autoescape=False)).strip()


def missing_partials(name: str) -> list[str]:
    """The partials that the template of a mail should have and has not; all where there is no template."""
    missing = []
    for partial in PARTIALS:
        try:
            Engine.get_default().get_template(f"{FOLDER}/{name}.mjml#{partial}")
        except TemplateDoesNotExist:
            missing.append(partial)
        except TemplateSyntaxError:  # nothing can be known of it; rendering it tells what is wrong
            return []
    return missing


def language_or_default(code: str) -> str:
    """The code of a language that the site has; LANGUAGE_CODE for any other."""
    return code if code in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
