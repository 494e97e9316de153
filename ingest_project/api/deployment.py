"""The deployment that the API serves: its services, opened when a request first needs them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from ingest_project.errors import AuthorizerUnavailable, IngestError
from ingest_project.ingestion.jobs.inputs import INPUTS
from ingest_project.services import Services
from ingest_project.settings.model import Settings

if TYPE_CHECKING:
    from ingest_project.api.requester import Requester
    from ingest_project.ingestion.jobs.jobs import Jobs

READY_SECONDS: Final = 5.0
NO_JOB: Final = "0" * 32

LEDGER_IS_AWAY = "the ledger did not answer"
QUEUE_IS_AWAY = "the queue did not answer"


@dataclass(slots=True)
class Deployment:
    """Settings and services. Safe to share among threads.

    A ledger that is absent is not created here: that would hide that it was lost. The first tick of a sensor
    creates the ledger of a new deployment.
    """

    services: Services
    monotonic: Callable[[], float] = time.monotonic
    _lock: Lock = field(default_factory=Lock, repr=False)
    _jobs: "Jobs | None" = None
    _asking: Lock = field(default_factory=Lock, repr=False)
    _faults: tuple[float, dict[str, str]] | None = None

    @property
    def settings(self) -> Settings:
        return self.services.settings

    def jobs(self) -> "Jobs":
        """The jobs. Raises LedgerUnavailable, LedgerAbsent, SettingsError."""
        with self._lock:
            if self._jobs is None:
                self.services.existing_ledger()
                self._jobs = self.services.jobs
            return self._jobs

    def faults(self) -> dict[str, str]:
        """What does not answer, with a reason for people; asked at most once in five seconds.

        The reason is one of ours: who asks need not be known.
        """
        with self._asking:
            now = self.monotonic()
            if self._faults is None or now - self._faults[0] >= READY_SECONDS:
                self._faults = (now, self._asked())
            return self._faults[1]

    def kind_schemas(self, requester: "Requester") -> list[tuple[str, str, dict[str, object]]]:
        """The kinds that this requester may ask for: name, description and the JSON Schema of the input.

        The schema lists the tables that the requester may use.
        """
        jobs = self.settings.jobs
        names = () if jobs is None else jobs.names
        tables = [one.name for one in self.settings.tables if requester.may_use(one.name)]
        found: list[tuple[str, str, dict[str, object]]] = []
        for name in names:
            if not requester.may_ask_for(name):
                continue
            if name in INPUTS:
                schema = INPUTS[name].model_json_schema()
                schema["properties"]["table"]["enum"] = tables
                found.append((name, (INPUTS[name].__doc__ or "").split("\n")[0], schema))
            elif jobs is not None:
                found.append((name, jobs.kinds[name].description or "", {"type": "object"}))
        return found

    def read_secret(self, secret_id: str) -> str:
        """The text of a secret of AWS Secrets Manager. Raises AuthorizerUnavailable."""
        return read_secret(self.services, secret_id)

    def _asked(self) -> dict[str, str]:
        faults: dict[str, str] = {}
        try:
            jobs = self.jobs()
            jobs.ledger.jobs.is_accepted(NO_JOB)
        except IngestError:
            faults["ledger"] = LEDGER_IS_AWAY
            return faults
        try:
            jobs.queue.attributes()
        except IngestError:
            faults["queue"] = QUEUE_IS_AWAY
        return faults


def read_secret(services: Services, secret_id: str) -> str:
    """The text of a secret of AWS Secrets Manager. Raises AuthorizerUnavailable."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = services.aws.client("secretsmanager").get_secret_value(SecretId=secret_id)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise AuthorizerUnavailable(f"AWS Secrets Manager refused the tokens ({code})") from None
    except (BotoCoreError, IngestError) as error:
        raise AuthorizerUnavailable(f"AWS Secrets Manager did not answer ({type(error).__name__})") from None
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise AuthorizerUnavailable("the secret of the tokens is not a text")
    return text
