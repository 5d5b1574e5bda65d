"""Write message headers that every mail program reads correctly.

When Python's email package folds a header, it removes the quotes around a long display name: if it contains a comma,
one sender becomes two. It also folds long URLs by encoding them, which no mail program decodes in `List-Unsubscribe`.
"""

from email.header import Header
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage as Message
from email.policy import EmailPolicy
from typing import Any

from django.core.mail import EmailMultiAlternatives

QUOTED_LENGTH = 200  # characters; a longer ASCII name is encoded, so that lines stay short
ENCODED_LINE = 75  # characters; RFC 2047, section 2
AS_THEY_ARE = frozenset({"list-unsubscribe", "list-unsubscribe-post", "list-id"})


class HeaderPolicy(EmailPolicy):
    """An email policy that writes headers with email addresses or URLs itself."""

    def fold(self, name: str, value: Any) -> str:
        """Return the header as text, with line endings."""
        return self._written(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the header as bytes.

        Raises:
            UnicodeEncodeError: an email address needs SMTPUTF8.
        """
        written = self._written(name, value)
        return written.encode("ascii") if written else super().fold_binary(name, value)

    def _written(self, name: str, value: Any) -> str:
        if name.lower() in AS_THEY_ARE:
            return f"{name}: {value}{self.linesep}"
        if not isinstance(value, AddressHeader) or not value.addresses:
            return ""
        addresses = f",{self.linesep} ".join(self._address(address) for address in value.addresses)
        return f"{name}: {addresses}{self.linesep}"

    def _address(self, address: Address) -> str:
        name = address.display_name
        if not name or (name.isascii() and len(name) <= QUOTED_LENGTH):
            return str(address)
        encoded = Header(name, "utf-8", maxlinelen=ENCODED_LINE, header_name="Reply-To").encode(linesep=self.linesep)
        return f"{encoded}{self.linesep} <{address.addr_spec}>"


class OutgoingMessage(EmailMultiAlternatives):
    """A message whose headers are written by `HeaderPolicy`."""

    def message(self, **kwargs: Any) -> Message:
        """Build the message. The line lengths of its parts follow the policy passed in `kwargs`."""
        message: Message = super().message(**kwargs)
        message.policy = HeaderPolicy(**vars(message.policy))
        return message
