"""The project's own code location, its rooms made breakable: the module that a trial's daemon is started
with.

The definitions are those of `ingest_project.definitions`, made by its own function; only the `Services` that
they are built on are replaced by ones that stop at the named points. Sensors long-poll for one second instead
of ten, so that a trial spends its time on what it tries.
"""

from ingest_project import definitions
from ingest_project_tests.fault_trials.faulty_services import FaultyServices

vars(definitions)["Services"] = FaultyServices

defs = definitions.defs
