"""Puts routes on the application, each with who may take it. GET never changes anything; every POST passes the door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI

from aggregator.web.frame import Frame
from aggregator.web.links import PATHS

Answer = Callable[..., Any]


class Routes:
    """One application and its frame."""

    def __init__(self, web: FastAPI, frame: Frame) -> None:
        self.web = web
        self.frame = frame

    def anyone(self, path: str, answer: Answer) -> None:
        """A page that is open whoever asks: what mails lead to, subscribing, signing in, what is served to monitors."""
        self._get(path, answer)

    def page(self, name: str, answer: Answer) -> None:
        """A page of PATHS for whoever may read."""
        self._get(PATHS[name], answer, self.frame.reader)

    def private(self, name: str, answer: Answer) -> None:
        """A page of PATHS for the operator."""
        self._get(PATHS[name], answer, self.frame.operator)

    def form(self, path: str, answer: Answer) -> None:
        """What a visitor's form does."""
        self.web.post(path, response_model=None)(answer)

    def act(self, path: str, answer: Answer) -> None:
        """What a form of the operator's does."""
        self.web.post(path, response_model=None, dependencies=[Depends(self.frame.operator)])(answer)

    def _get(self, path: str, answer: Answer, *guards: Callable[[], Awaitable[None]]) -> None:
        self.web.api_route(
            path, methods=["GET", "HEAD"], response_model=None, dependencies=[Depends(guard) for guard in guards]
        )(answer)
