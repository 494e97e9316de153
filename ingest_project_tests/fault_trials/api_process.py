"""The project's own API, its rooms made breakable: the module that a trial's API is started with."""

from ingest_project.api import serve
from ingest_project.settings.load import load_settings
from ingest_project_tests.fault_trials.faulty_services import FaultyServices

if __name__ == "__main__":
    vars(serve)["Services"] = FaultyServices
    serve.serve(load_settings())
