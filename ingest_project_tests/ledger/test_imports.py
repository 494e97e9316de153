"""The ledger brings all of SQLAlchemy that its queries touch."""

import subprocess
import sys


def test_the_orm_is_there_before_the_first_query() -> None:
    program = "import sys, ingest_project.ledger.ledger; print('sqlalchemy.orm.exc' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "True"
