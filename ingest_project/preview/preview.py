"""What `ingest preview` finds out about objects that nobody has declared; it does not ingest them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest_project.preview.columns import FoundColumn, found_columns
from ingest_project.preview.compare_with_table import TableMapping, map_to_table
from ingest_project.preview.key_partitions import KeyPartitions, find_partitions
from ingest_project.preview.listing import Listing, extension_of, listing_of, spread, without_passed_over
from ingest_project.preview.places import Place, table_name, taking, whole_folder
from ingest_project.preview.sampled_rows import SampledRows
from ingest_project.preview.sampling import Sample, SampledObject, take_sample
from ingest_project.preview.values import shown
from ingest_project.reading.format_options import FormatOptions
from ingest_project.services import Services
from ingest_project.settings.formats import FIXED_COLUMNS, TableFormat
from ingest_project.sources.object_version import ObjectVersion

DAY_TYPES = frozenset({"timestamp", "timestamptz", "date"})
LIKELY_TIMES = ("at", "time", "timestamp", "ts", "date", "day")
"""The last words of names that a table's main time usually has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to preview: how many objects to sample and rows to show, and the table to compare with."""

    objects: int = 20
    rows: int = 5
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that is known of the objects of one place, and what follows for a table of them.

    `format` is None if nothing could be read. `suffix` separates the objects of this format from others.
    `header` is that of CSV files whose header the ingest reads as a record.
    """

    place: Place
    table: str
    listing: Listing
    objects: tuple[SampledObject, ...]
    format: TableFormat | None
    options: FormatOptions
    columns: tuple[FoundColumn, ...]
    rows: tuple[Mapping[str, str | None], ...]
    partitions: KeyPartitions | None
    partition_spec: tuple[str, ...]
    suffix: str
    mapping: TableMapping | None
    notes: tuple[str, ...]
    header: tuple[str, ...] | None = None

    @property
    def is_found(self) -> bool:
        """Whether there were objects, and something of them could be read."""
        return self.format is not None and any(one.problem is None for one in self.objects)


def preview_prefix(services: Services, bucket: str, prefix: str, asked: Asked) -> Preview:
    """The preview of what S3 holds under a prefix. Raises ObjectError if S3 does not list it."""
    listing = listing_of(services.store.list(bucket, prefix))
    prefix = whole_folder(prefix, listing.objects)
    place = Place(bucket, prefix, table=taking(services.settings.tables, listing.objects))
    return preview_objects(services, place, without_passed_over(listing, place.table, prefix), asked)


def preview_objects(services: Services, place: Place, listing: Listing, asked: Asked) -> Preview:
    """The preview of these objects: the same for the same objects."""
    sample = take_sample(services.aws, spread(listing.objects, asked.objects))
    settled = sample.settled
    name = asked.table or (place.table.name if place.table else table_name(place.bucket, place.prefix))
    columns = found_columns(sample.rows)
    suffix, notes = _suffix(listing, sample)
    partitions = find_partitions([one for one in listing.objects if one.key.endswith(suffix)])
    return Preview(
        place=place,
        table=name,
        listing=listing,
        objects=sample.objects,
        format=settled.read_as.format if settled else None,
        options=settled.read_as.options if settled else FormatOptions(),
        header=settled.read_as.header if settled else None,
        columns=columns,
        rows=_shown_rows(sample, asked.rows),
        partitions=partitions,
        partition_spec=_partition_spec(columns, partitions),
        suffix=suffix,
        mapping=_mapping(services, name, columns, sample),
        notes=(*(settled.notes if settled else ()), *notes),
    )


def _mapping(
    services: Services, name: str, columns: Sequence[FoundColumn], sample: Sample
) -> TableMapping | None:
    if sample.settled is None or sample.settled.read_as.format in FIXED_COLUMNS:
        return None
    if not services.settings.queues:  # there is no settings file, so no catalog to ask
        return None
    return map_to_table(services, name, columns, sample)


def _suffix(listing: Listing, sample: Sample) -> tuple[str, list[str]]:
    """The suffix that excludes files of other formats, and a note about those that it cannot exclude."""
    if sample.settled is None:
        return "", []
    good = {extension_of(one.key) for one in sample.objects if one.problem is None}
    others = [one for one in listing.extensions if one not in good]
    if not good or not others:
        return "", []
    if len(good) == 1 and (suffix := next(iter(good))):
        return suffix, [f"objects that do not end in {suffix} are left out"]
    listed = ", ".join(repr(one) for one in others[:5])
    return "", [f"there are objects of other extensions too ({listed}); those of another format will fail"]


def _shown_rows(sample: Sample, count: int) -> tuple[Mapping[str, str | None], ...]:
    """The first row of each object, then the second of each, and so on."""
    longest = max((one.frame.height for one in sample.rows), default=0)
    rows: list[Mapping[str, str | None]] = []
    for place in range(min(longest, count)):
        for one in sample.rows:
            if len(rows) == count:
                return tuple(rows)
            if place < one.frame.height:
                rows.append(_shown_row(one, place))
    return tuple(rows)


def _shown_row(rows: SampledRows, place: int) -> dict[str, str | None]:
    values = {name: rows.first(name, place + 1).to_list()[place] for name in rows.frame.columns}
    return {name: None if value is None else shown(value) for name, value in values.items()}


def _partition_spec(columns: Sequence[FoundColumn], partitions: KeyPartitions | None) -> tuple[str, ...]:
    """The day of the main time, which is never null in the sample; of several, one with a usual name."""
    times = [
        one
        for one in columns
        if one.type in DAY_TYPES and not one.is_nullable and one.remedy is None and one.name.isidentifier()
    ]
    if not times:
        return ()
    best = next(
        (one for word in LIKELY_TIMES for one in times if one.name.lower().split("_")[-1] == word), times[0]
    )
    by_month = partitions is not None and partitions.settings.every == "month"
    return (f"{'month' if by_month else 'day'}({best.name})",)


def previews_of(
    services: Services, grouped: Mapping[Place, tuple[ObjectVersion, ...]], asked: Asked
) -> tuple[Preview, ...]:
    """A preview of each group of objects."""
    listings = {
        place: without_passed_over(listing_of(objects), place.table, place.prefix)
        for place, objects in grouped.items()
    }
    return tuple(preview_objects(services, place, listing, asked) for place, listing in listings.items())
