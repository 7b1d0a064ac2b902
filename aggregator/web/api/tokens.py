"""Who may: a token in `Authorization: Bearer agg_...`, issued by the operator for one or more scopes. Never a cookie, never in the address."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from fastapi import Request
from starlette.exceptions import HTTPException

from aggregator.app import App
from aggregator.reading import Credential, Scope

TOKEN = re.compile(r"agg_[A-Za-z0-9_-]{20,100}")
NOTED = timedelta(minutes=1)
"""How often the use of a token is written down at most: reading shall cost no writing."""
MISSING = "send the token as `Authorization: Bearer agg_...`; `aggregator admin token add` makes one"
WRONG = "this token is unknown, has run out or was ended"


class Tokens:
    """The rights of an App's tokens."""

    def __init__(self, app: App) -> None:
        self._app = app

    def allow(self, scope: Scope) -> Callable[[Request], None]:
        """What lets a request through whose token has a scope. Raises HTTPException 401 and 403."""

        def check(request: Request) -> None:
            found = self._found(request.headers.get("authorization", ""))
            if scope not in found.scopes:
                says = f'Bearer realm="aggregator", error="insufficient_scope", scope="{scope}"'
                raise HTTPException(403, f"this token does not have the scope {scope!r}", {"WWW-Authenticate": says})
            self._note(found)

        return check

    def _found(self, header: str) -> Credential:
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise HTTPException(401, MISSING, {"WWW-Authenticate": 'Bearer realm="aggregator"'})
        token = token.strip()
        credentials, now = self._app.stores.credentials, self._app.clock.now()
        found = credentials.find("api", token, now) if TOKEN.fullmatch(token) else None
        if found is None:
            says = 'Bearer realm="aggregator", error="invalid_token"'
            raise HTTPException(401, WRONG, {"WWW-Authenticate": says})
        return found

    def _note(self, found: Credential) -> None:
        now = self._app.clock.now()
        # A clock that was ahead once must not stop it for ever.
        if found.used_at is None or abs(now - found.used_at) >= NOTED:
            self._app.stores.credentials.use(found.id, now)
