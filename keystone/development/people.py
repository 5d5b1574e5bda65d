"""The sample people. Their domains are reserved for examples (RFC 2606, RFC 6761)."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """The possible outcomes of a registration."""

    UNVERIFIED = "has not opened the link"
    WAITING = "awaits the decision"
    APPROVED = "approved"
    REJECTED = "rejected"
    REOPENED = "rejected, reopened, waits again"
    SUSPENDED = "approved, later suspended until further notice"
    SUSPENDED_FOR_A_TIME = "approved, later suspended for two weeks"
    DEACTIVATED = "approved, later closed at the person's wish"


@dataclass(frozen=True)
class Sample:
    """A sample person.

    Attributes:
        registered: how many days ago they registered.
        decided: the days between the verification of the email address and the decision.
        address: the email address, if it isn't built from the name and the domain.
    """

    first_name: str
    last_name: str
    domain: str
    registered: float
    fate: Fate
    decided: float = 0
    address: str = ""

    @property
    def email(self) -> str:
        """The email address, in ASCII."""
        return self.address or f"{mailbox(self.first_name, self.last_name)}@{self.domain}"


def mailbox(first_name: str, last_name: str) -> str:
    """Return the local part of an email address for this name, in ASCII."""
    return ".".join(map(_letters, (first_name, last_name)))


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().replace("'", "")).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")


SAMPLES = (
    Sample("Amara", "Nwosu", "harbour.test", 29.6, Fate.APPROVED, 1.1),
    Sample("Jonas", "Lindqvist", "example.org", 29.2, Fate.APPROVED, 0.4),
    Sample("Priya", "Raghavan", "northlight.test", 28.7, Fate.DEACTIVATED, 0.9),
    Sample("Mateo", "Fuentes", "example.com", 27.9, Fate.REJECTED, 2.3),
    Sample("Hana", "Sato", "example.net", 27.3, Fate.APPROVED, 0.2),
    Sample("Oleksandr", "Koval", "steppe.test", 26.4, Fate.WAITING),
    Sample("Fatima", "El Amrani", "example.org", 26.1, Fate.APPROVED, 3.2),
    Sample("Liam", "O'Connor", "harbour.test", 25.2, Fate.SUSPENDED, 0.6),
    Sample("Nguyen", "Minh Anh", "lotus.test", 24.8, Fate.APPROVED, 1.7),
    Sample("Zuzanna", "Kowalska", "example.com", 23.5, Fate.REOPENED, 1.0),
    Sample("Kwame", "Mensah", "goldcoast.test", 23.1, Fate.APPROVED, 0.3),
    Sample("Ingrid", "Haugen", "fjord.test", 22.0, Fate.REJECTED, 0.8),
    Sample("Ravi", "Deshmukh", "northlight.test", 21.4, Fate.APPROVED, 2.6),
    Sample("Chloé", "Marchand", "example.net", 20.7, Fate.UNVERIFIED),
    Sample("Tariq", "Aziz", "example.org", 20.2, Fate.APPROVED, 0.5),
    Sample("Sofia", "Papadaki", "aegean.test", 19.3, Fate.WAITING),
    Sample("Diego", "Álvarez", "example.com", 18.8, Fate.SUSPENDED_FOR_A_TIME, 1.4),
    Sample("Mei", "Zhang", "lotus.test", 18.1, Fate.APPROVED, 0.7),
    Sample("Thabo", "Dlamini", "example.org", 17.2, Fate.APPROVED, 4.1),
    Sample("Elif", "Yilmaz", "bosporus.test", 16.5, Fate.REJECTED, 1.2),
    Sample("Marek", "Novák", "example.net", 15.8, Fate.APPROVED, 0.9),
    Sample("Aisha", "Bello", "goldcoast.test", 14.9, Fate.REOPENED, 2.0),
    Sample("Lucas", "Pereira", "example.com", 14.0, Fate.APPROVED, 1.3),
    Sample("Yuki", "Tanaka", "example.net", 13.2, Fate.UNVERIFIED),
    Sample("Emeka", "Okafor", "harbour.test", 12.6, Fate.APPROVED, 0.4),
    Sample("Clara", "Baumann", "alpine.test", 11.7, Fate.WAITING),
    Sample("Arjun", "Patel", "northlight.test", 10.9, Fate.APPROVED, 1.8),
    Sample("Leila", "Hosseini", "example.org", 10.1, Fate.DEACTIVATED, 0.5),
    Sample("Björn", "Jónsson", "fjord.test", 9.0, Fate.APPROVED, 2.2),
    Sample("Camila", "Rojas", "example.com", 8.2, Fate.WAITING),
    Sample("Samuel", "Kiprono", "rift.test", 7.4, Fate.APPROVED, 0.6),
    Sample("Olivia", "Bennett", "example.net", 6.3, Fate.REJECTED, 0.3),
    Sample("Andrei", "Popescu", "example.org", 5.5, Fate.WAITING),
    Sample("Noor", "Haddad", "cedar.test", 4.6, Fate.APPROVED, 1.1),
    Sample("Tomás", "Herrera", "example.com", 3.8, Fate.WAITING),
    Sample("Grace", "Wanjiru", "rift.test", 2.9, Fate.WAITING),
    Sample("Viktor", "Dahl", "fjord.test", 2.1, Fate.APPROVED, 0.4),
    Sample("Isabelle", "Fontaine", "example.net", 1.6, Fate.WAITING),
    Sample("Kenji", "Mori", "example.org", 0.9, Fate.WAITING),
    Sample("Rosa", "Silva", "example.com", 0.5, Fate.UNVERIFIED),
    Sample("Daniel", "Weiss", "alpine.test", 0.2, Fate.WAITING),
)
