"""The "demonstration" job: contribute the next planned pairs, then queue itself again while any are left."""

from __future__ import annotations

import structlog

from direction_commons.jobs.handling import Batch, ClaimLost, handler
from directions.demonstration.services import KIND, planned_contribute, portion_enqueue, portion_next

log = structlog.get_logger(__name__)


@handler(kind=KIND, batch=1)
def run(batch: Batch) -> None:
    for claim in batch.claims:
        portion = portion_next()
        for done, plan in enumerate(portion):
            batch.renew(done / len(portion))
            planned_contribute(plan=plan)
        try:
            with batch.finishing(claim):
                if portion_next():
                    portion_enqueue()
        except ClaimLost:
            log.info("demonstration.removed-meanwhile")
