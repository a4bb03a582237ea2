"""Messages that one process signs and another checks: Ed25519 over JSON (RFC 8032).

A message reads ``base64url(JSON).base64url(signature)``. What is signed begins with the kind of the
message, so that none can be passed off as one of another kind.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

#: Longer ones are not read at all (characters).
MOST_CHARACTERS: Final = 256 * 1024


class Forged(ValueError):
    """A message is not one that was signed, or not with this key, or not of this kind."""


class Signer:
    """Signs messages.

    Parameters
    ----------
    pem
        A private Ed25519 key (PKCS #8, PEM).
    """

    def __init__(self, pem: bytes) -> None:
        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")
        self._key = key

    def sign(self, kind: str, body: bytes) -> str:
        """Return a message that holds `body`."""
        return f"{_encode(body)}.{_encode(self._key.sign(_signed(kind, body)))}"

    def public(self) -> bytes:
        """Return the key with which others check (PEM)."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Checker:
    """Checks messages.

    Parameters
    ----------
    pem
        A public Ed25519 key (PEM).
    """

    def __init__(self, pem: bytes) -> None:
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("not an Ed25519 key")
        self._key = key

    def check(self, kind: str, message: str) -> bytes:
        """Return what a message holds.

        Raises
        ------
        Forged
        """
        if len(message) > MOST_CHARACTERS or not message.isascii():
            raise Forged("not a signed message")
        body, _dot, signature = message.partition(".")
        try:
            decoded = _decode(body)
            self._key.verify(_decode(signature), _signed(kind, decoded))
        except (InvalidSignature, binascii.Error, ValueError):
            raise Forged("the signature is not good") from None
        return decoded


def new_key() -> bytes:
    """Return a new private key (PKCS #8, PEM)."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _signed(kind: str, body: bytes) -> bytes:
    return kind.encode() + b"\n" + body


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
