"""An unexpected error is answered with a number, under which the log has the traceback; no line of the log has what a password is set with."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string

from sync.protocol import records
from sync.protocol.errors import PROBLEM_MEDIA_TYPE, Problem, ProblemCode

LOG = logging.getLogger("keydesk.central")
# Django answers these itself, with 403, 404 or 400.
_DJANGO_ERRORS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)

# Of the others some are no text, and some decode to what cannot be written again.
_UTF_8 = ("utf-8", "utf8", "us-ascii")
_TOKEN = re.compile(r"(/password/)[^/\s]+")


class LogLine(logging.Formatter):
    """A line of the log: of a link that sets a password, without its token, as Django names the path of all that is refused."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the record, traceback and all."""
        return _TOKEN.sub(r"\1…", super().format(record))


class ErrorNumbers:
    """Middleware that logs unexpected errors and answers with their number."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; one in another encoding than UTF-8, which no page of ours sends, is refused."""
        if request.content_params and request.content_params.get("charset", "utf-8").lower() not in _UTF_8:
            return HttpResponse("charset: utf-8\n", status=415, content_type="text/plain")
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a view that failed; errors such as 404 are left to Django."""
        if isinstance(error, _DJANGO_ERRORS):
            return None
        number = secrets.token_hex(2).upper()
        LOG.error("error %s at %s %s", number, request.method, request.path, exc_info=error)
        if request.path.startswith(records.PREFIX):
            problem = Problem(
                ProblemCode.INTERNAL,
                f"The centre failed, error {number}; try again later.",
                error_number=number,
            )
            return HttpResponse(records.encode(problem), status=500, content_type=PROBLEM_MEDIA_TYPE)
        return HttpResponse(render_to_string("payments/error.html", {"number": number}), status=500)
