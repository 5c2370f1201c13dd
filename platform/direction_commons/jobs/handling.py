"""How work of a kind is run: the registry of handlers, the batch that a handler gets, and the loop around it.

A room registers its handlers in its module `handlers` (found by name in every installed app):

    @handler(kind="inversion", batch=8)
    def run(batch: Batch) -> None:
        for step in work(batch.claims):
            batch.renew(step.progress)          # from the work loop itself: a hung loop must lose its lease
        for claim in batch.claims:
            if bad(claim):
                batch.fail(claim, "what the person is told", code="inversion:not-a-face", retry=False)
                continue
            with batch.finishing(claim):        # one transaction: results and the fenced end of the row
                save(claim.key)

    @on_failed("inversion")
    def failed(key: str, code: str, reason: str) -> None: ...   # inside the transaction that fails the row

This module refuses to swallow: a handler that returns without ending its claims has failed, and an exception
of a handler is logged whole, while the person gets a fixed sentence with its reference. Importing it, and
importing a room's `handlers`, never imports torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from direction_commons.errors import UserError, error_reference
from direction_commons.jobs import services
from direction_commons.jobs.services import Claim, ClaimLost, FailedHook

__all__ = ["Batch", "Claim", "ClaimLost", "LeaseLost", "Stopping", "handler", "on_failed"]
log = structlog.get_logger(__name__)

MOST_RETURNS = 20


class LeaseLost(Exception):
    """No row of the batch is ours any more: stop working."""


class Stopping(Exception):
    """The worker was asked to stop: the rows go back unspent."""


@dataclass(frozen=True)
class Handler:
    kind: str
    batch: int
    run: Callable[[Batch], None]


_handlers: dict[str, Handler] = {}
_failed_hooks: dict[str, FailedHook] = {}
_stop = False


def handler(*, kind: str, batch: int = 1) -> Callable[[Callable[[Batch], None]], Callable[[Batch], None]]:
    """Registers what runs `kind`; at most `batch` rows of one group are claimed for it at once."""

    def register(run: Callable[[Batch], None]) -> Callable[[Batch], None]:
        if kind in _handlers:
            raise ValueError(f"two handlers for kind {kind!r}: {_handlers[kind].run} and {run}")
        _handlers[kind] = Handler(kind, batch, run)
        return run

    return register


def on_failed(kind: str) -> Callable[[FailedHook], FailedHook]:
    """Registers `hook(key, code, reason)`, called in the transaction that fails a row of `kind` for good."""

    def register(hook: FailedHook) -> FailedHook:
        _failed_hooks[kind] = hook
        return hook

    return register


def stop() -> None:
    """The worker must stop (SIGTERM): the running batch's next `renew` raises, and nothing new is claimed."""
    global _stop
    _stop = True


class Batch:
    """The claimed rows that a handler works on together, all of one kind and group.

    Every claim must be ended: by `finishing`, by `fail`, or by being found lost.
    """

    renewal_seconds = 1.0  # `renew` may be called as often as the loop turns; it writes at most this often

    def __init__(self, claims: list[Claim], worker: str) -> None:
        self.claims = claims
        self.worker = worker
        self._open = {claim.job_id: claim for claim in claims}
        self._done: list[Claim] = []
        self._renewed = time.monotonic()

    @property
    def open(self) -> list[Claim]:
        """The claims that are still ours and not ended: what is left to do."""
        return list(self._open.values())

    def renew(self, progress: float) -> None:
        """Call it from the work loop. `progress` is the batch's, 0..1.

        A row that its person cancelled leaves `open` (its `finishing` would raise ClaimLost) and the rest
        goes on.

        Raises:
            Stopping: the worker was asked to stop; let it pass, the rows go back unspent.
            LeaseLost: none of the rows is ours any more; let it pass.
        """
        if _stop:
            raise Stopping
        now = time.monotonic()
        if now - self._renewed < self.renewal_seconds:
            return
        self._renewed = now
        kept = services.claims_renew(claims=self.open, progress=progress) if self._open else set()
        self._open = {job_id: claim for job_id, claim in self._open.items() if job_id in kept}
        if not self._open:
            raise LeaseLost

    @contextmanager
    def finishing(self, claim: Claim) -> Iterator[None]:
        """Save the results inside: they and the fenced end of the row commit together, or not at all.

        Raises:
            ClaimLost: the row was cancelled or swept meanwhile; everything inside was rolled back.
        """
        if claim.job_id not in self._open:
            raise ClaimLost(f"{claim.kind} {claim.key}: ended or lost before")
        try:
            with transaction.atomic():
                yield
                services.claim_finish(claim=claim)
        except ClaimLost:
            self._open.pop(claim.job_id, None)
            raise
        self._open.pop(claim.job_id, None)
        self._done.append(claim)

    def fail(self, claim: Claim, reason: str, *, code: str, retry: bool) -> None:
        """Ends the claim without a result. `retry`: back to the queue while attempts are left, else failed.

        A claim that is no longer ours is left alone.
        """
        try:
            failed = services.claim_fail(
                claim=claim, code=code, reason=reason, retry=retry, on_failed=_failed_hooks.get(claim.kind)
            )
        except ClaimLost:
            self._open.pop(claim.job_id, None)
            return
        self._open.pop(claim.job_id, None)
        log.info("jobs.failed" if failed else "jobs.retry", kind=claim.kind, key=claim.key, code=code)

    def _give_back(self) -> None:
        """Every open row back to the queue, unspent; one that was given back so often is suspect itself."""
        for claim in self.open:
            if claim.attempt - claim.tries >= MOST_RETURNS:
                reason = "This was started many times and never came to an end. Please try again later."
                self.fail(claim, reason, code="job:restless", retry=True)
                continue
            self._open.pop(claim.job_id)
            try:
                services.claim_return(claim=claim)
            except ClaimLost:
                continue


def drain(queue: str, worker: str) -> int:
    """Runs what is queued until nothing is left or the worker must stop; answers how many batches it ran."""
    batches = {kind: one.batch for kind, one in _handlers.items()}
    count = 0
    while not _stop:
        services.jobs_sweep(queue=queue, hooks=_failed_hooks)
        claims = services.jobs_claim(queue=queue, batches=batches, worker=worker)
        if not claims:
            break
        run_batch(Batch(claims, worker))
        count += 1
    return count


def run_batch(batch: Batch) -> None:
    """One batch through its handler; whatever happens, no row of it stays claimed (but while the database is
    away for long: then its lease runs out).
    """
    kind = batch.claims[0].kind
    began = time.monotonic()
    with structlog.contextvars.bound_contextvars(
        kind=kind, jobs=[str(claim.job_id) for claim in batch.claims]
    ):
        try:
            _handlers[kind].run(batch)
            if batch.open:
                raise RuntimeError(
                    f"the handler of {kind!r} returned without ending {len(batch.open)} claims"
                )
        except (Stopping, LeaseLost, ClaimLost) as exc:
            log.info("jobs.returned", why=type(exc).__name__, rows=len(batch.open))
            batch._give_back()
        except UserError as exc:
            # Of several rows nobody knows whose fault it was: each is tried again alone.
            for claim in batch.open:
                batch.fail(claim, exc.message, code=exc.code, retry=len(batch.claims) > 1)
        except Exception as exc:
            if isinstance(exc, OperationalError | InterfaceError) and not connection.is_usable():
                log.warning("jobs.database-gone", rows=len(batch.open), error=repr(exc))
                _reconnect()
                batch._give_back()
                return
            reference = error_reference()
            log.exception("jobs.handler-crashed", reference=reference, rows=len(batch.open))
            for claim in batch.open:
                reason = f"Something went wrong on our side. Reference {reference}"
                batch.fail(claim, reason, code="job:internal", retry=True)
    seconds = time.monotonic() - began
    if batch._done:
        services.jobs_timed(
            job_ids=[claim.job_id for claim in batch._done], seconds=seconds / len(batch.claims)
        )
    log.info(
        "jobs.batch", kind=kind, rows=len(batch.claims), done=len(batch._done), seconds=round(seconds, 2)
    )


def _reconnect(patience: float = 30.0) -> None:
    """Waits for the database to come back; after that long the lease is left to run out instead."""
    until = time.monotonic() + patience
    while True:
        connection.close()
        try:
            connection.ensure_connection()
            return
        except OperationalError:
            if _stop or time.monotonic() > until:
                raise
            time.sleep(0.5)
