"""Trials of messages that are rows: each has a queue of its own, which feeds the trial's table."""

import json
from dataclasses import dataclass, field
from typing import Any

from ingest_project_tests.fault_trials.oracle import Verdict
from ingest_project_tests.fault_trials.raw_oracle import (
    OF_BODIES,
    LeftBehind,
    Names,
    Row,
    judge_rest,
    judge_table,
    rows_of,
)
from ingest_project_tests.fault_trials.raw_workload import (
    Letter,
    json_letters,
    raw_letters,
    send,
    send_again,
)
from ingest_project_tests.fault_trials.run_oracle import CHECKS_OF_A_RUN, judge_told
from ingest_project_tests.fault_trials.trial import Trial
from ingest_project_tests.fault_trials.workload import Write

MESSAGES = 200
COPIES = 20
"""How many of them come twice from the beginning, the second time as a redriven copy."""
POISON = 2
RECORDED = "select key, coalesce(error_class, state) from object_versions where table_name = :table"
KEPT = """
select coalesce(o.key, c.object_id) from message_contents c
left join object_versions o on o.object_id = c.object_id where o.object_id is null or o.table_name = :table
"""
"""The messages whose contents are kept; also contents of which the ledger knows no message."""


@dataclass
class RawTrial(Trial):
    """Its table has bodies as they were sent."""

    sent: dict[str, Letter] = field(default_factory=dict)

    @property
    def queue(self) -> str:
        return f"t{self.number:04d}"

    @property
    def queue_url(self) -> str:
        return self.deployment.queue_url(self.queue)

    def table_settings(self) -> dict[str, Any]:
        return {"name": self.table, "queue": self.queue}

    def letters(self) -> list[Letter]:
        """What is to be sent."""
        return raw_letters(self.rng, MESSAGES)

    def land(self, count: int | None = None) -> list[Write]:
        """Send all messages, and some of them twice; there are no writes, and always so many messages."""
        self.sent = send(self.deployment.sqs, self.queue_url, self.letters())
        self.redrive(COPIES)
        return []

    def redrive(self, count: int) -> None:
        """Send copies of some messages that name their originals."""
        good = [message_id for message_id, letter in self.sent.items() if letter.shown is not None]
        chosen = self.rng.sample(good, count)
        send_again(self.deployment.sqs, self.queue_url, {one: self.sent[one] for one in chosen})

    def is_at_rest(self) -> bool:
        """All messages are known, settled and deleted, or in the DLQ."""
        if self._open_batches():
            return False
        recorded = self._recorded()
        return (
            recorded.keys() >= self.sent.keys()
            and not {"pending", "planned"} & set(recorded.values())
            and not self._open_batches()  # one may have been planned since we looked
            and self.deployment.messages_in(self.queue) == 0
        )

    def verdict(self) -> Verdict:
        verdict = judge_table(self.sent, self._rows())
        kept = [key for (key,) in self.deployment.ledger(KEPT, table=self.table)]
        verdict.stuck += judge_rest(self.sent, LeftBehind(self._dead(), self._recorded(), kept))
        if waiting := self.deployment.messages_in(self.queue):
            verdict.stuck.append(f"{waiting} messages are in the queue")
        verdict.stuck += [f"Dagster takes {run} for unfinished for ever" for run in self.abandoned_runs]
        verdict.untrue += judge_told(
            self.deployment.told(self.table), self.deployment.settled_batches(self.table), self.checks
        )
        return verdict

    @property
    def checks(self) -> frozenset[str]:
        """Those that each run makes."""
        return CHECKS_OF_A_RUN

    @property
    def names(self) -> Names:
        """The names of the columns that are compared."""
        return Names()

    def _rows(self) -> list[Row]:
        return rows_of(self.deployment.read(self.table, self.names.selected))

    def _recorded(self) -> dict[str, str]:
        return dict(self.deployment.ledger(RECORDED, table=self.table))

    def _dead(self) -> list[str]:
        """The ids of the messages in the DLQ."""
        url, dead = self.deployment.queue_url(f"{self.queue}-dlq"), []
        while found := self.deployment.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            dead += [one["MessageId"] for one in found]
        return dead


@dataclass
class PoisonTrial(RawTrial):
    """Its table has columns from bodies of JSON, and some bodies are not what these take."""

    @property
    def names(self) -> Names:
        return OF_BODIES

    @property
    def checks(self) -> frozenset[str]:
        return CHECKS_OF_A_RUN - {"bad_rows"}  # which needs a quarantine

    def table_settings(self) -> dict[str, Any]:
        columns = {"text": "string", "number": "long"}
        return super().table_settings() | {"json": {"columns": columns}, "bad_rows": "fail"}

    def letters(self) -> list[Letter]:
        return json_letters(self.rng, MESSAGES, poison=POISON)

    def land(self, count: int | None = None) -> list[Write]:
        """The same, to a queue that gives up sooner: messages that come back wait longer each time."""
        sqs, url = self.deployment.sqs, self.queue_url
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
        policy = json.loads(told["RedrivePolicy"]) | {"maxReceiveCount": "2"}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
        return super().land(count)
