"""A command of `ingest` on breakable services: the module that a trial starts as a process of its own.

Portions are small, so that the few objects and messages of a trial make several; and what a killed redrive
held is soon visible again.
"""

import sys

from ingest_project import services
from ingest_project.cli.main import ingest
from ingest_project.ingestion.dead_letters import dead_letter_queue
from ingest_project.ingestion.reconcile import enqueue
from ingest_project_tests.fault_trials.faulty_services import FaultyServices

HELD_SECONDS = 10
PORTION_WRITES = 3

vars(services)["Services"] = FaultyServices
vars(dead_letter_queue)["HELD_SECONDS"] = HELD_SECONDS
vars(enqueue)["PORTION"] = PORTION_WRITES

if __name__ == "__main__":
    ingest(sys.argv[1:])
