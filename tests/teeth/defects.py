"""The planted defects: what each one breaks, and which test must catch it.

A defect is one line of src/ that asks `planted("name")`. The test is the cheapest harness that sees it; `cases`
names test cases in Catch2's way, `scale` is the harness's HOLDFAST_HARNESS: the least that catches the defect.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Harness:
    program: str  # in the build folder's tests/
    cases: str = ""
    scale: str = "short"


@dataclasses.dataclass(frozen=True)
class Defect:
    name: str
    breaks: str
    caught_by: Harness


POWER_LOSS_AT_FULL = Harness("crash/test_power_loss", "at full*", "0.01")
POWER_LOSS_AT_NORMAL = Harness("crash/test_power_loss", "at normal*", "0.01")
POWER_LOSS_AT_CREATION = Harness("crash/test_migration", "a loss of power*", "0.05")
BACKUPS = Harness("crash/test_backup", "the names of*")
KILLS = Harness("crash/test_kill", "", "0.02")
WRITE_BACK_KILLS = Harness("crash/test_write_back_kill", "", "0.02")
DISK_FAULTS = Harness("fault/test_disk_faults", "", "0.01")
ROTTEN_FILES = Harness("rot/test_rot_database", "", "0.015")
ROTTEN_LOGS = Harness("rot/test_rot_wal", "", "0.005")
PROCESSES = Harness("process/test_processes", "", "0.1")
GROUPS = Harness("process/test_group_commit", "an error in any member*", "0.02")
GROUPS_ON_A_BAD_DISK = Harness("process/test_group_commit", "a disk that fails*")
FORCED_RACES = Harness("process/test_wal_reset", "with a cure no forced race*", "0.02")
SECRETS = Harness("process/test_neighbours", "no refusal quotes*")
OWNERS = Harness("process/test_neighbours", "no id and no key*", "0.02")
MODES = Harness("process/test_neighbours", "other users*")
CALLS = Harness("fuzz/fuzz_replay")
HOSTILE_FILES = Harness("fuzz/test_hostile")

DEFECTS = [
    # What a commit needs of the disk
    Defect("log_sync_skipped", "a commit at full is not synced", POWER_LOSS_AT_FULL),
    Defect("database_sync_skipped", "a checkpoint lets the log go before the file is synced", POWER_LOSS_AT_NORMAL),
    Defect("name_of_copy_not_synced", "a backup that was told as done can vanish", BACKUPS),
    Defect("failed_sync_forgotten", "writes go on after a failed sync", GROUPS_ON_A_BAD_DISK),
    Defect("poisoned_file_written", "SQLite itself writes after a failed sync", Harness("test_vfs", "*failed sync*")),
    Defect("short_read_believed", "what a short read leaves out counts as zeros", DISK_FAULTS),
    # The write-ahead log
    Defect("salt_check_off", "a checkpoint goes on after the log was restarted", FORCED_RACES),
    Defect("wal_guard_off", "a checkpoint runs beside a writer", FORCED_RACES),
    Defect("hard_limit_ignored", "a pinned log fills the disk", Harness("test_engine", "what is refused at the hard*")),
    Defect("log_not_scrubbed", "commits behind a damaged frame vanish in silence", ROTTEN_LOGS),
    Defect("damaged_log_not_kept", "the only copy of missing commits is written over", Harness("test_vfs", "no flipped bit in a log*")),
    Defect("normal_commits_not_noted", "a power loss at normal is told as damage", POWER_LOSS_AT_NORMAL),
    # Transactions
    Defect("undone_rows_remembered", "a row that was undone is remembered", Harness("test_engine", "what was undone*")),
    Defect("others_not_noticed", "a row that another process has changed is remembered", PROCESSES),
    Defect("begin_deferred", "a write begins as a read", PROCESSES),
    Defect("acknowledged_before_commit", "a write is acknowledged before its commit", GROUPS_ON_A_BAD_DISK),
    Defect("uncertain_commit_told_as_failed", "a commit that may be there is told as refused", GROUPS_ON_A_BAD_DISK),
    Defect("autocommit_not_asked", "what follows an ended transaction is committed by itself", GROUPS),
    Defect("savepoint_not_undone", "what a refused member wrote is committed with its group", GROUPS),
    Defect("undone_member_acknowledged", "members whose group was rolled back are told ok", GROUPS),
    Defect("group_has_level_of_its_first", "a member at full is committed at normal", Harness("test_engine", "a group has the durability*")),
    Defect("read_of_many_instants", "read() sees a new instant at each call", PROCESSES),
    # Neighbours of the file
    Defect("replaced_file_ignored", "commits go to a file that was replaced", Harness("test_engine", "*replaced*")),
    Defect("replaced_during_commit_ignored", "a commit to a file that was replaced meanwhile is told as done", Harness("test_engine", "*replaced during a commit*")),
    Defect("second_sqlite_not_noticed", "a second SQLite in the process drops our locks", Harness("test_engine", "somebody else's*")),
    Defect("fork_not_noticed", "a child writes through its parent's handle", Harness("test_engine", "each call in a child*")),
    # Leases
    Defect("lease_taken_while_held", "two hold one lease", Harness("test_engine", "a lease has one holder*")),
    Defect("token_not_raised", "two holders of a lease have the same token", KILLS),
    Defect("fence_not_asked", "a holder whose lease has gone goes on writing", GROUPS),
    # Opening, and whoever should not read
    Defect("migration_in_many_transactions", "a crash leaves a file between two versions", POWER_LOSS_AT_CREATION),
    Defect("foreign_trigger_accepted", "a hostile file's triggers stay", HOSTILE_FILES),
    Defect("file_mode_too_open", "other users can read the file", MODES),
    Defect("copy_mode_too_open", "other users can read a backup", MODES),
    Defect("payload_quoted_in_error", "an error quotes what was to be stored", SECRETS),
    Defect("ids_ignore_case", "an id reaches another one's checkpoint", OWNERS),
    # Damage
    Defect("page_seal_not_compared", "a damaged page is given out", ROTTEN_FILES),
    Defect("entry_digest_not_compared", "a damaged entry of a log is given out", ROTTEN_FILES),
    Defect("payload_digest_not_compared", "a damaged checkpoint is given out", ROTTEN_FILES),
    Defect("content_digest_not_compared", "a damaged large payload is given out", Harness("test_content", "every damage*")),
    Defect("end_of_log_believed", "a log that lost its newest entries is read as a shorter one", Harness("test_run", "a newest event that vanished*")),
    Defect("older_checkpoint_taken_for_newest", "where the newest is missing, an older one passes for it", Harness("test_checkpoint", "a newest row that vanished*")),
    Defect("verify_reads_no_digest", "verify calls a damaged row sound", Harness("test_maintain", "verify finds every value*")),
    Defect("salvage_believes_rows", "salvage keeps a damaged row as it is", Harness("test_maintain", "wherever bytes are flipped*")),
    Defect("restored_copy_not_verified", "a damaged backup is restored", Harness("test_maintain", "a backup that is damaged*")),
    Defect("backup_keeps_incarnation", "a backup looks like the original", Harness("test_maintain", "a backup holds the same*")),
    # The stores
    Defect("state_outside_its_transaction", "a state can be there without its manifest", POWER_LOSS_AT_FULL),
    Defect("prune_takes_the_newest", "prune removes what it should keep", KILLS),
    Defect("removal_not_noted", "what a large prune has not freed at once stays for ever", Harness("test_checkpoint", "a large prune frees*")),
    Defect("removal_not_continued", "what a crash leaves of a large prune stays for ever", Harness("test_checkpoint", "a prune that was interrupted*")),
    Defect("slice_frees_what_is_seen", "a slice of a large prune frees what the prune keeps", Harness("test_checkpoint", "between the slices*")),
    Defect("expected_head_not_asked", "an append goes on from a head that is not there any more", CALLS),
    Defect("stage_left_behind", "an upload that is given up leaves its pieces", Harness("test_content", "an upload that is given up*")),
    Defect("removed_payload_read_on", "a payload that was removed while it is read is told as damaged", Harness("test_content", "a reader says*")),
    Defect("content_left_behind", "removing a large payload leaves its pieces", CALLS),
    Defect("snapshot_not_counted", "a run has more snapshots than it says", CALLS),
    Defect("undo_not_kept", "the first change after a checkpoint cannot be undone", CALLS),
    Defect("interval_used_again", "changes after a restore count as made before it", CALLS),
    Defect("state_owned_twice", "two write-back handles own one state", Harness("test_state", "a second owner*")),
    Defect("state_owner_not_fenced", "an owner whose state was taken over flushes over the new one's", Harness("test_state", "an owner whose state*")),
    Defect("owned_state_written_through", "others write to an owned state", Harness("test_state", "an owned state*")),
    Defect("buffer_left_out_of_commit", "a transaction commits without what the buffer had", WRITE_BACK_KILLS),
    Defect("buffer_settled_by_rollback", "a rollback forgets what the buffer had", Harness("test_state", "a transaction that touched*")),
    Defect("bad_line_ends_the_file", "an import drops the records behind a bad line", Harness("test_interchange", "a bad line*")),
]
