"""The locations of a table's data files: PyIceberg's own, unless their paths are too long for the storage.

PyIceberg writes a partition's values into its files' paths, as Hive did. A file system allows 255 bytes
between two slashes, S3 allows 1,024 in a key, and a value may have more. Iceberg does not prescribe paths:
the values of a file's partition are in its manifest. https://iceberg.apache.org/spec/#partitioning
"""

from pyiceberg.partitioning import PartitionKey
from pyiceberg.table import TableProperties
from pyiceberg.table.locations import LocationProvider, load_location_provider
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import Properties

LONGEST_STEP_BYTES = 255
LONGEST_KEY_BYTES = 1024


class ShortLocations(LocationProvider):
    """The locations of the table's own layout, without the partition if they would be too long."""

    def __init__(self, table_location: str, table_properties: Properties) -> None:
        super().__init__(table_location, table_properties)
        own = {
            key: value
            for key, value in table_properties.items()
            if key != TableProperties.WRITE_PY_LOCATION_PROVIDER_IMPL
        }
        self._layout = load_location_provider(table_location, own)

    def new_data_location(self, data_file_name: str, partition_key: PartitionKey | None = None) -> str:
        """The location for a new file, a URI."""
        location = self._layout.new_data_location(data_file_name, partition_key)
        return self._layout.new_data_location(data_file_name) if _is_too_long(location) else location


def with_short_locations(metadata: TableMetadata) -> TableMetadata:
    """The metadata to write data files with; must not be committed. A table's own location provider stays."""
    if TableProperties.WRITE_PY_LOCATION_PROVIDER_IMPL in metadata.properties:
        return metadata
    provider = f"{ShortLocations.__module__}.{ShortLocations.__qualname__}"
    properties = {**metadata.properties, TableProperties.WRITE_PY_LOCATION_PROVIDER_IMPL: provider}
    return metadata.model_copy(update={"properties": properties})


def _is_too_long(location: str) -> bool:
    # The key after the scheme and the bucket, or the path in a file system.
    key = location.partition("://")[2].partition("/")[2] or location
    return len(key.encode()) > LONGEST_KEY_BYTES or any(
        len(step.encode()) > LONGEST_STEP_BYTES for step in key.split("/")
    )
