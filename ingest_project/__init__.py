"""Files and messages from AWS in Iceberg tables, exactly once. ARCHITECTURE.md is the map."""
