"""Objects overwritten or deleted between event and read, keys written again, events out of order."""

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.trial import Fault, Trial, announced_once_or_more
from ingest_project_tests.fault_trials.workload import Write

UNREADABLE = b'{"write": "broken", "row": \n\x00\xff not json\n'


def rewritten_and_shuffled(trial: Trial) -> None:
    """Keys written up to four times before any event, whose events come shuffled and some of them twice."""
    history = [rewrite(trial, key, trial.rng.randint(1, 4)) for key in trial.landing.new_keys(8)]
    for writes in history:
        expect(trial, writes)
    announced_once_or_more(trial, [write for writes in history for write in writes])
    trial.strikes += 1
    trial.settle()


def older_event_later(trial: Trial) -> None:
    """The event of an older write comes after the newer one is in the table."""
    history = [rewrite(trial, key, 2) for key in trial.landing.new_keys(6)]
    trial.expected.all_of([newer for _, newer in history])
    trial.landing.announce([newer for _, newer in history])
    trial.settle()
    trial.strikes += 1
    if trial.policy == "append":
        trial.expected.all_of([older for older, _ in history])
    trial.landing.announce([older for older, _ in history])
    trial.wait(lambda: _knows(trial, [older for older, _ in history]), "the older events claimed")
    trial.settle()


def overwritten_before_read(trial: Trial) -> None:
    """Objects are overwritten after their batch was started and before it reads them."""
    trial.arm("before-fetch", Action.PAUSE, seconds=4)
    first = [trial.landing.write(key) for key in trial.landing.new_keys(8)]
    trial.landing.announce(first)
    trial.await_mark("before-fetch")
    again = [trial.landing.write(write.key) for write in first[::2]]
    by_key = {write.key: write for write in again}
    for write in first:
        expect(trial, [write, by_key[write.key]] if write.key in by_key else [write])
    trial.landing.announce(again)
    trial.settle()


def overwritten_and_killed(point: str) -> Fault:
    """A batch that takes older rows out is killed around its commit."""

    def script(trial: Trial) -> None:
        first = trial.land(8)
        trial.settle()
        trial.expected.choices.clear()
        again = [trial.landing.write(write.key) for write in first[:5]]
        for write in first[5:]:
            expect(trial, [write])
        for pair in zip(first[:5], again, strict=True):
            expect(trial, list(pair))
        trial.arm(point, Action.KILL_SELF)
        trial.landing.announce(again)
        trial.await_mark(point)
        trial.settle()

    return Fault(f"overwrite-killed-{point}", script, policy="replace")


def deleted_before_read(trial: Trial) -> None:
    """Some objects are gone for good when their batch reads them; the others of the batch go on."""
    gone = [trial.landing.write(key) for key in trial.landing.new_keys(3)]
    trial.write_new(8)
    for write in gone:
        trial.landing.delete(write, for_good=True)
        trial.expected.failed[write] = "missing"
    trial.landing.announce(
        [*(write for chosen in trial.expected.choices.values() for write in chosen[0]), *gone]
    )
    trial.strikes += 1
    trial.settle()


def deleted_and_written_again(trial: Trial) -> None:
    """A new write under the key of one that failed clears the failure."""
    gone = [trial.landing.write(key, rows=5) for key in trial.landing.new_keys(3)]
    for write in gone:
        trial.landing.delete(write, for_good=True)
        trial.expected.failed[write] = "missing"
    trial.landing.announce(gone)
    trial.settle()
    trial.strikes += 1
    trial.expected.failed.clear()
    again = [trial.landing.write(write.key) for write in gone]
    trial.expected.all_of(again)
    trial.landing.announce(again)
    trial.settle()


def marked_deleted(trial: Trial) -> None:
    """A delete marker hides the key; the version that the event names is read all the same."""
    writes = trial.write_new(8)
    for write in writes[::2]:
        trial.landing.delete(write, for_good=False)
    trial.landing.announce(writes)
    trial.strikes += 1
    trial.settle()


def unreadable(trial: Trial) -> None:
    """Some objects are not what the table's format says; the others of the batch go on."""
    broken = [trial.landing.write(key, rows=0, body=UNREADABLE) for key in trial.landing.new_keys(2)]
    trial.expected.failed.update(dict.fromkeys(broken, "unreadable"))
    sound = trial.write_new(6)
    trial.landing.announce([*sound, *broken])
    trial.strikes += 1
    trial.settle()


def empty_objects(trial: Trial) -> None:
    """Objects without a row are committed as such, also if their batch is killed after its commit."""
    trial.arm("after-commit", Action.KILL_SELF)
    empty = [trial.landing.write(key, rows=0) for key in trial.landing.new_keys(3)]
    trial.expected.all_of(empty)
    trial.landing.announce([*empty, *trial.write_new(4)])
    trial.await_mark("after-commit")
    trial.settle()


def rewrite(trial: Trial, key: str, times: int) -> list[Write]:
    """So many writes of one key, the oldest first."""
    return [trial.landing.write(key) for _ in range(times)]


def expect(trial: Trial, writes: list[Write]) -> None:
    """What the policy makes of the writes of one key, the oldest first."""
    if trial.policy == "append":
        trial.expected.all_of(writes)
    elif trial.policy == "replace":
        trial.expected.one_of(writes[-1].key, writes[-1:])
    else:
        trial.expected.one_of(writes[0].key, writes)


def _knows(trial: Trial, writes: list[Write]) -> bool:
    return {(write.uri, write.version) for write in writes} <= trial.deployment.recorded(trial.table).keys()


OBJECTS = (
    Fault("rewritten-shuffled-replace", rewritten_and_shuffled, policy="replace"),
    Fault("rewritten-shuffled-append", rewritten_and_shuffled, policy="append", versioned=True),
    Fault("rewritten-shuffled-ignore", rewritten_and_shuffled, policy="ignore", versioned=True),
    Fault("older-event-later-replace", older_event_later, policy="replace"),
    Fault("older-event-later-append", older_event_later, policy="append", versioned=True),
    Fault("older-event-later-ignore", older_event_later, policy="ignore", versioned=True),
    Fault("overwritten-before-read-replace", overwritten_before_read, policy="replace"),
    Fault("overwritten-before-read-append", overwritten_before_read, policy="append", versioned=True),
    Fault("overwritten-before-read-ignore", overwritten_before_read, policy="ignore", versioned=True),
    *(overwritten_and_killed(point) for point in ("after-confirm", "catalog-committed", "after-commit")),
    Fault("deleted-before-read", deleted_before_read),
    Fault("deleted-and-written-again", deleted_and_written_again, policy="replace"),
    Fault("delete-marker", marked_deleted, versioned=True),
    Fault("unreadable-objects", unreadable),
    Fault("empty-objects-killed", empty_objects),
)
