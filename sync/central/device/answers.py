"""Answers to the kiosks: records and problems as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import msgspec
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sync.central.device.authentication import CallerRefused
from sync.central.device.enrolment import EnrolmentRefused
from sync.central.device.receipts import with_receipt
from sync.central.journal.appending import BatchRefused
from sync.protocol import records
from sync.protocol.errors import PROBLEM_MEDIA_TYPE, BodyMalformed, BodyTooLarge, Problem, ProblemCode

RETRY_AFTER = 5  # seconds

_STATUS = {
    ProblemCode.CHAIN_HOLE: 409,
    ProblemCode.CHAIN_BROKEN: 409,
    ProblemCode.CHECKPOINT_REFUSED: 422,
    ProblemCode.AWAITING_ROOT: 409,
    ProblemCode.TOKEN_REFUSED: 403,
    ProblemCode.KIOSK_REVOKED: 403,
    ProblemCode.REQUEST_REFUSED: 422,
}

View = Callable[[HttpRequest], HttpResponse]


def answer(record: msgspec.Struct) -> HttpResponse:
    """An answer with a record."""
    return HttpResponse(records.encode(record), content_type=records.JSON_MEDIA_TYPE)


def problem(status: int, what: Problem) -> HttpResponse:
    """An answer with a refusal."""
    return HttpResponse(records.encode(what), status=status, content_type=PROBLEM_MEDIA_TYPE)


def device_view(*methods: str) -> Callable[[View], View]:
    """Decorate a device view: it takes these methods only and answers refusals as problems.

    No CSRF protection: device requests carry no cookies and are signed.
    """

    def wrap(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if request.method not in methods:
                refused = problem(405, Problem(ProblemCode.NOT_FOUND, f"{request.method} is not taken here."))
                refused["Allow"] = ", ".join(methods)
                return refused
            return _with_receipt(request, _refusing(view, request))

        return guarded

    return wrap


def _with_receipt(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    try:
        return with_receipt(request, response)
    except OperationalError:
        return response  # what was asked is done: the next answer has one


def _refusing(view: View, request: HttpRequest) -> HttpResponse:
    try:
        return view(request)
    except CallerRefused as error:
        return problem(error.status, error.problem)
    except (BatchRefused, EnrolmentRefused) as error:
        return problem(_STATUS[error.problem.code], error.problem)
    except BodyTooLarge as error:
        sentence = f"The body has {error.size} where {error.limit} is the limit."
        return problem(413, Problem(ProblemCode.BODY_TOO_LARGE, sentence))
    except BodyMalformed as error:
        return problem(
            400, Problem(ProblemCode.BODY_MALFORMED, f"The body is not what is taken here: {error.what}.")
        )
    except OperationalError:
        # SQLite lets one writer work at a time; one that waited too long tries again.
        busy = problem(503, Problem(ProblemCode.BUSY, "The centre is busy."))
        busy["Retry-After"] = str(RETRY_AFTER)
        return busy
