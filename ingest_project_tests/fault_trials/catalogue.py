"""All faults by name."""

from ingest_project_tests.fault_trials.after_faults import AFTER
from ingest_project_tests.fault_trials.chaos_faults import CHAOS
from ingest_project_tests.fault_trials.crash_faults import CRASHES
from ingest_project_tests.fault_trials.delivery_faults import DELIVERY
from ingest_project_tests.fault_trials.job_faults import JOB_FAULTS
from ingest_project_tests.fault_trials.network_faults import NETWORK
from ingest_project_tests.fault_trials.object_faults import OBJECTS
from ingest_project_tests.fault_trials.outage_faults import OUTAGES
from ingest_project_tests.fault_trials.quarantine_faults import QUARANTINE_FAULTS
from ingest_project_tests.fault_trials.raw_faults import RAW_FAULTS
from ingest_project_tests.fault_trials.rebuild_faults import REBUILDS
from ingest_project_tests.fault_trials.reconcile_faults import RECONCILES
from ingest_project_tests.fault_trials.redrive_faults import REDRIVES
from ingest_project_tests.fault_trials.replay_faults import REPLAYS
from ingest_project_tests.fault_trials.trial import Fault
from ingest_project_tests.fault_trials.ui_faults import UI_FAULTS
from ingest_project_tests.fault_trials.writer_faults import WRITER_FAULTS
from ingest_project_tests.fault_trials.zombie_faults import ZOMBIES

CATALOGUE: tuple[Fault, ...] = (
    *CRASHES,
    *NETWORK,
    *ZOMBIES,
    *DELIVERY,
    *OBJECTS,
    *WRITER_FAULTS,
    *QUARANTINE_FAULTS,
    *REPLAYS,
    *REBUILDS,
    *OUTAGES,
    *RAW_FAULTS,
    *JOB_FAULTS,
    *REDRIVES,
    *RECONCILES,
    *AFTER,
    *UI_FAULTS,
    *CHAOS,
)


def faults(pattern: str | None, databases: str) -> list[Fault]:
    """The faults whose name is or contains the pattern, and that these databases can suffer."""
    exact = [fault for fault in CATALOGUE if fault.name == pattern]
    chosen = exact or [fault for fault in CATALOGUE if pattern is None or pattern in fault.name]
    return [fault for fault in chosen if fault.databases in (None, databases)]
