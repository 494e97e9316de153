"""What a process does in the tests of races; a separate module, so that it imports less than they do."""

from ingest_project.settings.model import CatalogSettings
from ingest_project_tests.iceberg.factories import nothing, open_lake, orders, orders_table


def race(settings: CatalogSettings, batch_id: str) -> bool:
    """Commits orders 1 and 2 as this batch, and says whether another process had done so."""
    with open_lake(settings) as lake:
        table = orders_table(lake)
        written = table.write(orders(batch_id, [1, 2]))
        return table.commit(batch_id, [written], nothing).already_committed
