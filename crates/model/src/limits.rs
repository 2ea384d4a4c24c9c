//! How much of anything there may be, and what happens when it is full.
//!
//! Every queue, packet, history, evaluation, output, child and connection has its number here, so
//! that one place tells what an agent can grow to. Each entry says who waits or loses at the limit.

mod cluster;
mod http;

use std::time::Duration;

pub use cluster::*;
pub use http::*;

/// Longest group name. A longer one is refused where it is written.
pub const GROUP_NAME_BYTES_MAX: usize = 128;
/// Longest set of groups (`linux & !container`). A longer one is refused where it is written.
pub const GROUP_SET_BYTES_MAX: usize = 4_096;
/// Deepest nesting of a set of groups; a deeper one is refused where it is written.
pub const GROUP_SET_DEPTH_MAX: usize = 64;

/// Longest name of a zone. A longer one is refused where it is written.
pub const ZONE_NAME_BYTES_MAX: usize = 64;

/// Largest configuration or pack file that is read; a larger one is an error. (The largest of the
/// original's packs is 12 KiB.)
pub const YAML_FILE_BYTES_MAX: usize = 1 << 20;
/// Most nodes a YAML document may have after its anchors are expanded: a bomb is refused.
pub const YAML_NODES_MAX: usize = 100_000;
/// Deepest nesting of a YAML document.
pub const YAML_DEPTH_MAX: usize = 64;

/// Largest file of a pack that is read, data of tutorials included; a larger one is an error.
pub const PACK_FILE_BYTES_MAX: u64 = 1 << 20;
/// Most files of the packs of one level; the rest is not read, and that is an error.
pub const PACK_FILES_MAX: usize = 10_000;
/// Most folders of packs that are watched; a change in another needs `agent reload`.
pub const PACK_FOLDERS_WATCHED_MAX: usize = 4_096;
/// Most files in the configuration folder; with more the configuration is refused.
pub const CONFIGURATION_FILES_MAX: usize = 256;

/// Longest text of an expression; a longer one is an error at load.
pub const EXPRESSION_BYTES_MAX: usize = 16 << 10;
/// Deepest nesting of an expression; a deeper one is an error at load.
pub const EXPRESSION_DEPTH_MAX: usize = 64;
/// Steps one evaluation may take before it ends with an error (measured: under 50 ms, whatever the
/// steps are).
pub const EXPRESSION_FUEL_MAX: u64 = 500_000;
/// Longest text that an evaluation may build.
pub const EXPRESSION_TEXT_BYTES_MAX: usize = 1 << 20;
/// Most items of a list or map that an evaluation may build.
pub const EXPRESSION_ITEMS_MAX: usize = 100_000;

/// Operations that an expression in rhai's syntax may take before it ends with an error. Its limits
/// are narrow because one operation there is one step whatever the size of what it works on, and
/// each may measure all of it (measured: with these three, what explodes ends in under 50 ms).
pub const RHAI_OPERATIONS_MAX: u64 = 8_000;
/// Longest text that an expression in rhai's syntax may build.
pub const RHAI_TEXT_BYTES_MAX: usize = 16 << 10;
/// Most items, those inside of items counted, that an expression in rhai's syntax may build.
pub const RHAI_ITEMS_MAX: usize = 800;
/// Different questions that one evaluation of text in rhai's syntax may ask of the agent or
/// machine.
pub const RHAI_QUESTIONS_MAX: usize = 32;
/// Deepest nesting of a value that comes out of text in rhai's syntax.
pub const RHAI_VALUE_DEPTH_MAX: usize = 64;

/// Operations that the script of a collector may take. (A text of 5 000 lines needs about half.)
pub const SCRIPT_OPERATIONS_MAX: u64 = 200_000;
/// Longest text that the script of a collector may build.
pub const SCRIPT_TEXT_BYTES_MAX: usize = 256 << 10;
/// Most items, those inside of items counted, that the script of a collector may build. (Nested in
/// each other, twice as many would overflow the stack of a worker: measured.)
pub const SCRIPT_ITEMS_MAX: usize = 5_000;

/// Events that may wait for one loop; a sender waits (inside the agent) or drops (network).
pub const LOOP_QUEUE_MAX: usize = 1_024;
/// Jobs that may wait for the worker pool; the next one is refused and retried by its scheduler.
pub const WORKER_QUEUE_MAX: usize = 1_024;
/// Threads of the worker pool; they are started when needed and end when idle.
pub const WORKER_THREADS_MAX: usize = 8;
/// Jobs that may hang past their time box, each holding a thread; then the pool refuses new jobs.
pub const WORKER_STUCK_MAX: usize = 32;
/// Time that all tasks together have to end after a stop was asked for.
pub const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Largest datagram that is read from the gossip socket.
pub const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams that are taken before timers have their turn; the others wait in the kernel.
pub const DATAGRAMS_PER_TURN_MAX: usize = 512;
/// Orders to the cluster that wait for an answer at one time; the next one is refused.
pub const ORDERS_WAITING_MAX: usize = 256;
/// Streams of other nodes that are open at one time. For the next one the oldest without a proof is
/// closed, of the network that has most of these; when all are proved it is refused.
pub const NODE_STREAMS_MAX: usize = 256;
/// Most of them from one address other than this machine's own; the next one is refused.
pub const NODE_STREAMS_PER_ADDRESS_MAX: usize = 16;
/// Streams to other nodes that are kept open for the next call; the oldest is closed for a new one.
pub const NODE_STREAMS_IDLE_MAX: usize = 16;
/// Calls to other nodes that are under way at one time; the others wait.
pub const NODE_CALLS_MAX: usize = 32;
/// Largest answer to a read of another node; instead of a larger one comes an error.
pub const FORWARDED_BYTES_MAX: usize = 3 << 20;

/// Warnings and errors, each, that are kept for `agent info`; the oldest is dropped.
pub const LOG_RECENT_MAX: usize = 20;
/// Size at which a log file is rotated.
pub const LOG_FILE_BYTES_MAX: u64 = 10 << 20;
/// Rotated log files that are kept; the oldest is removed.
pub const LOG_FILES_MAX: usize = 5;
/// Longest log line; the rest is cut and the cut is shown.
pub const LOG_LINE_BYTES_MAX: usize = 8 << 10;
/// Lines that may wait for one follower of the log; a slow follower misses lines and is told.
pub const LOG_FOLLOW_QUEUE_MAX: usize = 1_024;
/// Followers of the log at one time; the next one is refused.
pub const LOG_FOLLOWERS_MAX: usize = 16;

/// Size at which a segment of a journal is closed and the next one begun.
pub const JOURNAL_SEGMENT_BYTES_MAX: u64 = 4 << 20;
/// Largest record of a journal; a larger one is refused.
pub const JOURNAL_RECORD_BYTES_MAX: usize = 4 << 20;
/// Bytes of records that are kept in memory while the disk is full; then the oldest are dropped
/// and counted.
pub const DISK_FULL_BUFFER_BYTES_MAX: usize = 4 << 20;
/// Largest state document; a larger one is refused.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// Largest checkpoint of a view; a larger one is not read, the view is rebuilt from its journal.
pub const VIEW_BYTES_MAX: u64 = 256 << 20;
/// Total size of the history of one kind of object; the oldest segment is dropped.
pub const HISTORY_BYTES_MAX: u64 = 16 << 20;
/// Age up to which history is kept.
pub const HISTORY_AGE_MAX: Duration = Duration::from_secs(90 * 86_400);

/// Tokens for the API that may exist at one time; the next one is refused.
pub const TOKENS_MAX: usize = 256;

/// Longest line of a file that is searched; a file with a longer one is no file of lines: an error.
pub const FILE_LINE_BYTES_MAX: usize = 1 << 20;
/// Most entries of a directory that is listed; a larger one is an error.
pub const DIRECTORY_ENTRIES_MAX: usize = 100_000;
/// Largest compiled form of a regular expression of a pack; a larger one is an error.
pub const REGEXP_BYTES_MAX: usize = 1 << 20;

/// Time that a child process has to end after it was asked to; then it is forced.
pub const CHILD_STOP_GRACE: Duration = Duration::from_millis(500);
/// Time for which the pipes of a child that has ended are still read, as others may hold them open.
pub const CHILD_DRAIN_TIME: Duration = Duration::from_millis(200);
/// Children that could not even be killed; with as many no further one is started.
pub const CHILDREN_STUCK_MAX: usize = 16;
/// Processes that wait to run programs as another user; of more, those that worked least lately
/// end. As many as run programs at a time: to start one costs more than most programs.
pub const HELPERS_IDLE_MAX: usize = WORKER_THREADS_MAX;
/// Time after which a process that runs programs as another user ends for want of work: what
/// comes in bursts every minute finds it again.
pub const HELPER_IDLE_MAX: Duration = Duration::from_secs(90);
/// Largest file of the kernel's (`/proc`, `/sys`) that is read as a whole; a larger one is an
/// error. `/proc/stat` with 512 processors has 200 kB.
pub const KERNEL_FILE_BYTES_MAX: usize = 4 << 20;
/// Processors that are told of, each; `cpu_all` holds them all.
pub const PROCESSORS_MAX: usize = 1_024;
/// Network interfaces that are told of; further ones (of containers) are left out.
pub const NETWORK_INTERFACES_MAX: usize = 256;
/// Disks that are told of; further ones are left out.
pub const DISKS_MAX: usize = 512;
/// Mounts that are told of; further ones are left out.
pub const MOUNTS_MAX: usize = 512;
/// Mails that are counted in all queues of Postfix together; then the count is cut and says so.
pub const QUEUED_MAILS_MAX: usize = 500_000;
/// Largest answer of a cloud's metadata service; a larger one is an error.
pub const METADATA_BYTES_MAX: usize = 1 << 20;
/// Listening sockets that are told of; further ones are left out.
pub const LISTENING_SOCKETS_MAX: usize = 2_000;
/// How much is read of a file that describes one process; command lines are cut here.
pub const PROCESS_FILE_BYTES_MAX: usize = 4 << 10;
/// Processes that are looked at in one pass; with more the collector says that it was cut.
pub const PROCESSES_MAX: usize = 50_000;
/// Names of processes that are told one by one, the hungriest; the others are counted.
pub const PROCESS_NAMES_MAX: usize = 300;
/// Arrays of software RAID; a longer list is an error.
pub const ARRAYS_MAX: usize = 1_024;
/// Chips with sensors that are looked at; further ones are not.
pub const SENSOR_CHIPS_MAX: usize = 64;
/// Sensors that are told; further ones are not.
pub const SENSORS_MAX: usize = 512;
/// Logins that are told; a longer list of them is an error.
pub const SESSIONS_MAX: usize = 1_000;
/// Disks that are asked for their health; further ones are counted only.
pub const SMART_DISKS_MAX: usize = 64;
/// Answer of smartctl about one disk. (Usual: 20 KiB.)
pub const SMART_ANSWER_BYTES_MAX: usize = 1 << 20;
/// Letters of a word in the answer of smartctl; the rest is cut.
pub const SMART_TEXT_CHARS_MAX: usize = 256;
/// TCP sockets whose states are counted one by one; with more only the kernel's sums are told.
pub const SOCKETS_COUNTED_MAX: usize = 20_000;
/// Looks at mounted file systems that may be away at one time, each holding a thread; a mount
/// beyond them is not looked at, and says so.
pub const MOUNT_PROBES_MAX: usize = 16;
/// Control groups that are told; further ones are not, and the collector says so.
pub const CGROUPS_MAX: usize = 300;
/// Deepest level of control groups that may be asked for.
pub const CGROUPS_DEPTH_MAX: usize = 6;
/// Units of systemd that are told one by one; further ones are counted.
pub const UNITS_MAX: usize = 1_000;
/// Timers of systemd that are asked for their times; further ones are not.
pub const UNITS_TIMERS_MAX: usize = 64;
/// Largest message of a bus that is taken; a larger one is an error.
pub const BUS_MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Deepest nesting of what a bus sends.
pub const BUS_DEPTH_MAX: usize = 16;
/// Containers that are told, those that run first; with more the collector says that it was cut.
pub const CONTAINERS_MAX: usize = 500;
/// Events of a container engine that are told of one run; further ones are dropped.
pub const DOCKER_EVENTS_MAX: usize = 100;
/// Files that may be certificates and are looked at; further ones are not.
pub const CERTIFICATE_FILES_MAX: usize = 5_000;
/// Certificates that are told; further ones are not.
pub const CERTIFICATES_MAX: usize = 500;
/// Host names and addresses that are told of one certificate; further ones are not.
pub const CERTIFICATE_NAMES_MAX: usize = 100;
/// Packages to be updated that are named; the others are counted.
pub const UPDATES_MAX: usize = 200;
/// Largest list of packages that a package manager may print; a larger one is an error.
pub const PACKAGE_LIST_BYTES_MAX: usize = 16 << 20;

/// Addresses of one name that are tried; further ones are not.
pub const NETWORK_ADDRESSES_MAX: usize = 16;
/// Lookups of names that may wait for the system's resolver; the next one is an error.
pub const RESOLVER_LOOKUPS_MAX: usize = 32;
/// Redirects that are followed to a page; one more is an error.
pub const URL_REDIRECTS_MAX: usize = 5;
/// Longest line of a mail server's answer; a longer one ends the session. (RFC 5321 allows 512.)
pub const SMTP_LINE_BYTES_MAX: usize = 4 << 10;
/// Most lines of a mail server's answer; with more the session ends.
pub const SMTP_LINES_MAX: usize = 100;
/// How much of a service's answer a probe reads; the rest is not looked at.
pub const PROBE_ANSWER_BYTES_MAX: usize = 256 << 10;
/// How much of a service's answer to a notice is read; the rest is not.
pub const NOTIFY_ANSWER_BYTES_MAX: usize = 16 << 10;
/// Longest wait that a service may ask for before the next try; a longer one counts as this one.
pub const NOTIFY_RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// Largest head of an HTTP response; a larger one is an error.
pub const URL_HEAD_BYTES_MAX: usize = 64 << 10;

/// Turns of a collector after which its last good result is no longer believed by expressions: then
/// it is unknown, and still shown with its age. (One failed turn happens; three do not by chance.)
pub const FACT_TURNS_MAX: u32 = 3;
/// Age up to which a result is believed however short the interval is.
pub const FACT_AGE_MIN: Duration = Duration::from_secs(60);
/// How much of the body of an HTTP response is kept unless who asks says otherwise; the rest is not
/// read.
pub const URL_BODY_BYTES_MAX: usize = 1 << 20;

/// Most bytes that are taken from a source of a collector; an answer with more is an error.
pub const SOURCE_BYTES_MAX: usize = 4 << 20;
/// Most files that a pattern of a file source may name; with more it is an error.
pub const SOURCE_FILES_MAX: usize = 256;
/// Most rows, and bytes by [`SOURCE_BYTES_MAX`], that one query of a collector may give; with more
/// it is an error.
pub const SQL_ROWS_MAX: usize = 5_000;
/// Most values that are made of one answer of a source; one with more is an error.
pub const FORMAT_VALUES_MAX: usize = 20_000;
/// Deepest nesting of a JSON answer of a source; a deeper one is an error.
pub const FORMAT_DEPTH_MAX: usize = 64;
/// Text for people that is kept of the output of a Nagios plugin, short and long each; the rest is
/// cut.
pub const PLUGIN_TEXT_BYTES_MAX: usize = 16 << 10;
/// Figures that are kept of one run of a Nagios plugin; the rest is counted as skipped.
pub const PERFDATA_MAX: usize = 1_000;

/// Steps that filling in a template may take; one that takes more is an error. (The longest mail,
/// of 100 checks, takes about 10 000.)
pub const TEMPLATE_FUEL_MAX: u64 = 200_000;
/// Longest text that a template may write; a longer one is an error.
pub const TEMPLATE_TEXT_BYTES_MAX: usize = 1 << 20;
/// Most values, maps and lists counted too, that a collector may give; with more the run failed.
/// (The largest native one gives about 300; a Redis with 16 databases 250.)
pub const COLLECTOR_VALUES_MAX: usize = 20_000;
/// Bytes of names and texts that a collector may give; with more the run failed.
pub const COLLECTOR_TEXT_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of what a collector gives; deeper data is refused.
pub const COLLECTOR_DEPTH_MAX: usize = 32;
/// Most groups that one detector may give; further ones are refused and named.
pub const DETECTOR_GROUPS_MAX: usize = 256;

/// Longest text that is kept of what a check says; the rest is cut and the cut is shown.
pub const CHECK_OUTPUT_BYTES_MAX: usize = 8 << 10;
/// Things that one check with `for_each` looks at; further ones are not looked at, and the check
/// says so.
pub const CHECK_THINGS_MAX: usize = 1_000;
/// How long after it was due a check may be judged; what is later counts as late.
pub const CHECK_LATE: Duration = Duration::from_millis(200);
/// Transitions that are read at a start to bring the states of the checks up to date.
pub const CHECK_REPLAY_MAX: usize = 10_000;
/// Checks that are judged in one job of the worker pool; more make several jobs.
pub const CHECK_BATCH_MAX: usize = 512;
/// Transitions that may wait for one listener of `/events/stream`; a slow one misses some and is
/// told how many.
pub const EVENTS_QUEUE_MAX: usize = 1_024;
/// Listeners of `/events/stream` at one time; the next one is refused.
pub const EVENTS_LISTENERS_MAX: usize = 32;
/// Bytes of the raw answer that an explained run of a collector shows; the rest is counted.
pub const STEP_TEXT_BYTES_MAX: usize = 64 << 10;
/// Largest file that holds one secret; a larger one is an error.
pub const SECRET_FILE_BYTES_MAX: usize = 64 << 10;
/// Bytes of the data of one collector, written as JSON, that are kept over a restart; larger data
/// is not kept, its state is.
pub const KEPT_COLLECTOR_BYTES_MAX: usize = 128 << 10;
/// Bytes of the data of all collectors that are kept over a restart; what is over is not kept.
pub const KEPT_BYTES_MAX: usize = 1 << 20;

/// Problems that alerts follow at one time; the next one is counted, shown and not told.
pub const ALERT_PROBLEMS_MAX: usize = 50_000;
/// Things that one notice names; the rest is counted in it, and listed by `opsbro alerts list`.
pub const ALERT_ITEMS_MAX: usize = 100;
/// Things that a notice names as silent because they depend on what it is about; the rest is
/// counted.
pub const ALERT_AFFECTED_MAX: usize = 50;
/// Notices of their own that a handler gets at one time where nothing is gathered; what is more
/// goes into one more.
pub const ALERT_BURST_MAX: usize = 50;
/// Notices that may wait to be delivered; with as many, problems wait before they become one.
pub const ALERT_DELIVERIES_WAITING_MAX: usize = 2_000;
/// Notices that are on their way at one time: half of the worker pool is left to others.
pub const ALERT_DELIVERIES_SENDING_MAX: usize = 4;
/// Notices that are kept when they are done; the oldest is dropped.
pub const ALERT_DELIVERIES_KEPT_MAX: usize = 500;
/// Tries that are kept of one delivery; the oldest is dropped.
pub const ALERT_ATTEMPTS_MAX: usize = 20;
/// Decisions that are kept of one problem; the oldest is dropped.
pub const ALERT_DECISIONS_MAX: usize = 30;
/// Changes of groups and rules that may wait to be told; the oldest is dropped and counted.
pub const ALERT_EVENTS_MAX: usize = 1_000;
/// Downtimes and silences; the next one is refused.
pub const ALERT_MUTES_MAX: usize = 1_000;
/// Patterns and hours of one downtime or silence.
pub const ALERT_PATTERNS_MAX: usize = 100;
/// Longest comment, name or pattern of an acknowledgement, downtime or silence.
pub const ALERT_LINE_CHARS_MAX: usize = 500;
/// What is kept of the output of a check for its alert; the rest is cut.
pub const ALERT_OUTPUT_CHARS_MAX: usize = 1_000;
/// Changes of this node that are remembered, to be named by problems that begin soon after.
pub const ALERT_CHANGES_MAX: usize = 50;
/// Changes of one look at the machine that problems may name; the rest is counted.
pub const ALERT_CHANGES_OF_LOOK_MAX: usize = 3;
/// Age up to which a change is named by a problem. (Most outages follow a change by minutes.)
pub const ALERT_CHANGE_AGE_MAX: Duration = Duration::from_secs(15 * 60);
/// Changes that one problem names, the newest.
pub const ALERT_CONTEXT_MAX: usize = 5;
/// Time for which a check that depends on others is held back, for one of them may be the cause:
/// twice the usual interval of a check.
pub const ALERT_PARENT_GRACE: Duration = Duration::from_secs(20);
/// Time for which a check stays silent because of something that is not known here.
pub const ALERT_BLOCKED_MAX: Duration = Duration::from_secs(15 * 60);
/// Open problems that one may depend on, by whatever way; with more, none counts as the cause, so
/// it is told. (Guess: few checks depend on more than a dozen others.)
pub const ALERT_CAUSES_MAX: usize = 200;
/// Things of one check with `for_each` that are looked at as causes of a problem, by name.
pub const ALERT_PARENT_THINGS_MAX: usize = 50;
/// First wait after a delivery failed; it doubles with each further failure.
pub const ALERT_RETRY_MIN: Duration = Duration::from_secs(5);
/// Longest wait between two tries of a delivery.
pub const ALERT_RETRY_MAX: Duration = Duration::from_secs(5 * 60);
/// Tries by one handler before the next of its alternates has its turn.
pub const ALERT_TRIES_MAX: u32 = 3;
/// Time for which the first notice of a handler that fails holds back those behind it, so that
/// they arrive in order.
pub const ALERT_ORDER_MAX: Duration = Duration::from_secs(15 * 60);
/// Age at which a delivery is given up, and shown as failed.
pub const ALERT_DELIVERY_AGE_MAX: Duration = Duration::from_secs(86_400);
/// Time box of one try of a delivery.
pub const ALERT_DELIVERY_TIME_BOX: Duration = Duration::from_secs(30);

/// Runs of a collector whose numbers are remembered for the eyes of people; the oldest is dropped.
pub const RECENT_RUNS_MAX: usize = 30;
/// Numbers of one collector that are remembered; further ones are not drawn. (24 bytes each.)
pub const RECENT_LEAVES_MAX: usize = 256;
/// Numbers of one collector that are remembered while they move; further ones are not drawn. (150
/// bytes each.)
pub const RECENT_MOVING_MAX: usize = 64;

/// Things in one section of the inventory; further ones are left out.
pub const INVENTORY_THINGS_MAX: usize = 10_000;
/// Letters of one word of the inventory; the rest is cut.
pub const INVENTORY_TEXT_CHARS_MAX: usize = 256;
/// Changes of the inventory that one look records; further ones are not, and the log says so.
pub const INVENTORY_CHANGES_MAX: usize = 5_000;

/// What may wait for the loop of alerts: more than a node has checks. What is more is counted, and
/// comes with the next change of the same check.
pub const ALERT_INBOX_MAX: usize = 65_536;
/// Records of the journal of alerts between two checkpoints.
pub const ALERT_RECORDS_PER_CHECKPOINT: u64 = 2_000;
/// Size of one record of the journal of alerts; a larger change is several records of one write.
pub const ALERT_RECORD_BYTES_MAX: usize = 1 << 20;

/// Things of one check that are probed at the same time; others wait for one of them. A quarter of
/// the threads for what is outside, so that one check cannot take them all. Guess.
pub const PROBES_OF_CHECK_MAX: usize = 8;

/// Bytes of packs on disk that are kept as they were when they were good last; what does not fit is
/// left out, and has no last good version over a restart. Guess: ten times a large site.
pub const PACKS_KEPT_BYTES_MAX: usize = 4 << 20;

/// Longest key, and longest name of a lock or session, in agreement; a longer one is refused.
pub const KV_KEY_BYTES_MAX: usize = 1 << 10;
/// Largest value of a key; a larger one is refused.
pub const KV_VALUE_BYTES_MAX: usize = 1 << 20;
/// Checks and writes of one transaction; one with more is refused.
pub const KV_TRANSACTION_WRITES_MAX: usize = 128;
/// Values of one transaction together; a larger one is refused.
pub const KV_TRANSACTION_BYTES_MAX: usize = 1 << 20;
/// Keys in all; the next one is refused.
pub const KV_KEYS_MAX: u64 = 2_000_000;
/// Most keys that a node which keeps no copy of them asks for, because expressions look at them.
pub const KV_WANTED_MAX: usize = 256;
/// Bytes of keys and values in all, which are in memory; what is more is refused.
pub const KV_BYTES_MAX: u64 = 512 << 20;
/// Quotas of prefixes; the next one is refused. Each write looks at all of them.
pub const KV_QUOTAS_MAX: usize = 64;
/// Earlier values that are kept of one key; the oldest is dropped.
pub const KV_PAST_MAX: usize = 10;
/// Earlier values that are kept of all keys; the oldest is dropped.
pub const KV_PAST_ENTRIES_MAX: usize = 20_000;
/// What those take in memory; the oldest is dropped.
pub const KV_PAST_BYTES_MAX: usize = 4 << 20;
/// Events that are remembered for those who watch; who asks for older ones is told to list anew.
pub const KV_EVENTS_MAX: usize = 8_192;
/// What those take in memory beside the values that keys still have.
pub const KV_EVENTS_BYTES_MAX: usize = 4 << 20;
/// Keys whose time is over that one entry of the log removes; the others go with the next.
pub const KV_EXPIRED_MAX: usize = 1_000;
/// Sessions that are open in a zone; the next one is refused.
pub const SESSIONS_AGREED_MAX: usize = 10_000;
/// Sessions that one command renews.
pub const SESSIONS_RENEWED_MAX: usize = 1_000;
/// Shortest time to live of a session; the API refuses a shorter one. (An election may take a
/// second, and its holder renews thrice in that time.)
pub const SESSION_TTL_MIN: Duration = Duration::from_secs(2);
/// Longest time to live of a session; the API refuses a longer one.
pub const SESSION_TTL_MAX: Duration = Duration::from_secs(86_400);
/// Locks in use; the next one is refused.
pub const LOCKS_MAX: usize = 10_000;
/// Slots of one lock.
pub const LOCK_SLOTS_MAX: u32 = 1_000;
/// Sessions that wait for one lock; the next one is refused.
pub const LOCK_WAITERS_MAX: usize = 1_000;

/// Groups of which one group takes the place; the oldest is forgotten.
pub const GROUPS_ABSORBED_MAX: usize = 16;

/// Largest record of the agreed log: a batch with one of the largest transactions.
pub const RAFT_RECORD_BYTES_MAX: usize = 3 << 20;
/// Largest item of a snapshot; a snapshot with a larger one is damaged.
pub const RAFT_ITEM_BYTES_MAX: usize = 3 << 20;
/// Largest card of a voter.
pub const RAFT_CARD_BYTES_MAX: usize = 64 << 10;
/// Writes of the agreed log that may wait for the disk; then all of agreement waits.
pub const RAFT_WRITES_MAX: usize = 1_024;
/// Bytes of those.
pub const RAFT_WRITES_BYTES_MAX: usize = 32 << 20;
/// Bytes of entries that go to the disk of the agreed log as one write; a single larger one goes
/// alone.
pub const RAFT_WRITE_BYTES_MAX: usize = 4 << 20;
/// Step by which a file of the agreed log grows ahead of its entries, so that most of its syncs
/// change no size. (Measured: 64 KiB to 1 MiB cost the disk the same a sync.)
pub const RAFT_LOG_GROW_BYTES: u64 = 256 << 10;
/// Newest entries of the log that are kept in memory, beside those that the disk does not have.
pub const RAFT_TAIL_BYTES_MAX: usize = 1 << 20;
/// Entries that are read at once, to be sent or applied; a single larger one comes alone.
pub const RAFT_READ_BYTES_MAX: usize = 1 << 20;
/// Commands that wait for agreement on one node; the next one is refused as busy.
pub const RAFT_COMMANDS_MAX: usize = 8_192;
/// Bytes of those.
pub const RAFT_COMMANDS_BYTES_MAX: usize = 32 << 20;
/// Commands that one entry of the log carries.
pub const RAFT_BATCH_COMMANDS_MAX: usize = 512;
/// Bytes after which an entry of the log takes no further command.
pub const RAFT_BATCH_BYTES_MAX: usize = 512 << 10;
/// Entries that a node has under way at one time, where the clients take longer than the disk; else
/// it has one. With 64 clients two make 20 600 puts/s on one node whose disk takes 1 ms, and one
/// 16 500; where it takes 4 ms, 7 900 and 9 500.
pub const RAFT_BATCHES_MAX: usize = 2;
/// One part of a snapshot on its way to another node.
pub const RAFT_PART_BYTES_MAX: usize = 1 << 20;
/// Size of the log at which a snapshot takes its place, unless the last snapshot is larger: then
/// the log may be as large as that.
pub const RAFT_LOG_BYTES_MAX: u64 = 16 << 20;
/// Messages for clients that one node has under way to others; the next one waits.
pub const RAFT_CLIENT_CALLS_MAX: usize = 8;
/// Keys, events or locks of one page of an answer.
pub const KV_PAGE_MAX: usize = 1_000;
/// Bytes of such a page; a single larger key still comes, alone.
pub const KV_PAGE_BYTES_MAX: usize = 1 << 20;
