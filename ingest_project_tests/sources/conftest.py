"""How the property tests of this room run."""

from hypothesis import settings

# A deadline of 200 ms measures the machine, not the code, when others work on it too.
settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")
