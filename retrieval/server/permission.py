"""Who may do what reaches beyond the library: other folders, and the file manager."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from fastapi import HTTPException, Request


@dataclass(frozen=True, slots=True)
class Permission:
    """What the owner of the server allows.

    `own_machine` says that only this machine can reach the server, `anyone` that all who can reach
    it may add and remove folders.
    """

    own_machine: bool = False
    anyone: bool = False

    def is_own_machine(self, request: Request) -> bool:
        """Tell whether a request comes from this machine, and none can come from another."""
        return self.own_machine and request.client is not None and _is_loopback(request.client.host)

    def may_change(self, request: Request) -> bool:
        """Tell whether whoever asks may add and remove folders."""
        return self.anyone or self.is_own_machine(request)

    def require_change(self, request: Request) -> None:
        """Raise HTTPException (403) unless whoever asks may add and remove folders."""
        if not self.may_change(request):
            raise HTTPException(
                403,
                "folders are added and removed only on the machine that runs the server; to allow "
                "it to everyone who can connect, start pixtrieve serve with --allow-changes",
            )


NOBODY = Permission()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
