//! How much of the cluster there may be: packets, nodes, keys, streams, names.

use std::time::Duration;

/// Largest datagram between nodes: what fits into the smallest packet of IPv6 (1 280 bytes).
pub const GOSSIP_DATAGRAM_BYTES_MAX: usize = 1_232;
/// Senders of datagrams that are remembered against replay; the one heard longest ago is forgotten.
pub const GOSSIP_SENDERS_MAX: usize = 8_192;
/// Derived keys that are held to open datagrams, of 600 bytes each; others are derived again, in
/// two microseconds.
pub const GOSSIP_SUBKEYS_MAX: usize = 128;
/// Datagrams that one salt seals; then it is renewed. (A nonce comes again after 2^64.)
pub const SALT_DATAGRAMS_MAX: u64 = 1 << 32;
/// Age of a salt at which it is renewed.
pub const SALT_AGE_MAX: Duration = Duration::from_secs(3_600);
/// Files in the folder of zone keys; with more none is read, which is an error.
pub const ZONE_KEY_FILES_MAX: usize = 1_000;
/// Keys of one zone, retired ones too; the next one is refused.
pub const RING_KEYS_MAX: usize = 16;
/// Time for which a removed key still opens streams, so that a node that slept can come back.
pub const KEY_GRACE: Duration = Duration::from_secs(30 * 86_400);
/// Keys that a caller offers on a stream; further ones are left out, retired ones first.
pub const STREAM_OFFERS_MAX: usize = 32;
/// Largest message on a stream between nodes; a larger one ends the stream.
pub const STREAM_MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Parts of messages on a stream after which its keys are renewed.
pub const STREAM_REKEY_AFTER: u32 = 1_024;

/// Largest record of a node, as bytes; what does not fit is cut, and named in the record.
pub const RECORD_BYTES_MAX: usize = 8 << 10;
/// Records up to this size ride on datagrams; of larger ones only the version is told, and who
/// lacks it asks on a stream.
pub const RECORD_WHOLE_BYTES_MAX: usize = 700;
/// Groups of a node of each kind, from its files and from detectors; more are cut.
pub const RECORD_GROUPS_MAX: usize = 512;
/// Problems that a record names, the worst; the others are counted.
pub const RECORD_PROBLEMS_MAX: usize = 100;
/// What is told of the output of a check with a problem; the rest is cut.
pub const RECORD_OUTPUT_BYTES_MAX: usize = 200;
/// Longest name of a node, check or part in a record; a longer one is cut.
pub const RECORD_NAME_BYTES_MAX: usize = 256;
/// Parts of a record that other parts of the agent tell; more are cut.
pub const RECORD_PARTS_MAX: usize = 32;
/// Fields of later protocols in a record; one with more is refused.
pub const RECORD_UNKNOWN_MAX: usize = 32;
/// Nodes that are known, dead ones too; a further one is not taken and counted.
pub const MEMBERS_MAX: usize = 10_000;
/// Forgotten nodes that are remembered as such; the oldest is dropped.
pub const TOMBSTONES_MAX: usize = 10_000;
/// Time for which a forgotten node is remembered as such.
pub const TOMBSTONE_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Events that are known at one time; the oldest is dropped.
pub const CLUSTER_EVENTS_MAX: usize = 1_000;
/// Events of one node that are known at one time; the next one is refused.
pub const CLUSTER_EVENTS_PER_NODE_MAX: usize = 250;
/// Longest kind of an event; a longer one is refused.
pub const CLUSTER_EVENT_KIND_BYTES_MAX: usize = 128;
/// Largest payload of an event; a larger one is refused.
pub const CLUSTER_EVENT_BYTES_MAX: usize = 1 << 10;
/// Largest request or answer between nodes on a stream; what is more goes with the next.
pub const CALL_BYTES_MAX: usize = 512 << 10;
/// Things that wait to be told by datagram; further ones are left to the comparison of nodes.
pub const SPREAD_QUEUE_MAX: usize = 1_024;
/// What is kept of the cluster over a restart; records of what is over are kept in short.
pub const CLUSTER_KEPT_BYTES_MAX: usize = 12 << 20;

/// Largest body of a message between members. With seal and headers in front a datagram stays below
/// 1 232 bytes, so no link cuts it: what does not fit waits for the next one.
pub const GOSSIP_BODY_BYTES_MAX: usize = 1_150;
/// Most things that wait to be told by gossip; with more, what was told most is dropped, and the
/// others find it when they compare.
pub const GOSSIP_BROADCASTS_MAX: usize = 4_096;
/// Most of them that are looked at for what fits into one packet.
pub const GOSSIP_BROADCASTS_TRIED_MAX: usize = 64;
/// Most suspects that are told of it in one turn; the others are told in the next.
pub const GOSSIP_TOLD_SUSPECTS_MAX: usize = 16;

/// Largest answer by UDP to another machine: what no path cuts (RFC 9715). What is more is asked
/// for by TCP.
pub const DNS_UDP_BYTES_MAX: usize = 1_232;
/// Largest answer by UDP to this machine itself, where nothing is cut and nobody forges senders.
pub const DNS_LOCAL_BYTES_MAX: usize = 4_096;
/// Largest answer by TCP: a message has no more (RFC 1035). What is more is left out by turns.
pub const DNS_TCP_BYTES_MAX: usize = 65_535;
/// Records of a name in one answer; of more, each turn answers others.
pub const DNS_RECORDS_MAX: usize = 1_000;
/// Lines of text in one answer; the last one says how many are missing.
pub const DNS_TEXTS_MAX: usize = 200;
/// Networks whose rate is watched at one time; more share buckets.
pub const DNS_SOURCES_MAX: usize = 4_096;
/// Other nodes of a zone that there must be for their deaths to tell that this node is cut off:
/// with fewer, a few deaths are more likely.
pub const DNS_CUT_OFF_NODES_MIN: usize = 3;
/// Answers of resolvers above that are kept; the one that ends first is dropped.
pub const DNS_CACHE_ENTRIES_MAX: usize = 4_096;
/// Longest time that an answer of a resolver above is kept.
pub const DNS_CACHE_TTL_MAX: Duration = Duration::from_secs(86_400);
/// Longest time that the failure to find a name is kept.
pub const DNS_CACHE_NEGATIVE_TTL_MAX: Duration = Duration::from_secs(300);
/// Connections by TCP at one time. For a further one the oldest is closed, of the network that has
/// most.
pub const DNS_CONNECTIONS_MAX: usize = 256;
/// Most of them from one address other than this machine's own; the next one is closed at once. A
/// quarter, as many clients may be behind one address, each with one short connection.
pub const DNS_CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
/// Queries on one connection; after the last answer it is closed.
pub const DNS_CONNECTION_QUERIES_MAX: u32 = 10_000;
/// Time that a connection may be silent.
pub const DNS_IDLE_MAX: Duration = Duration::from_secs(10);
/// Questions to resolvers above under way; a further one is answered SERVFAIL.
pub const DNS_FORWARDS_MAX: usize = 512;
/// Addresses that a node tells beside its own; a configuration with more is refused.
pub const NODE_ADDRESSES_MAX: usize = 8;
/// Services that applications register on one node; a further one is refused.
pub const SERVICES_REGISTERED_MAX: usize = 256;
/// Services that a node tells in its record; more are cut, and said to be.
pub const SERVICES_TOLD_MAX: usize = 256;
/// Tags of a service; a definition with more is refused.
pub const SERVICE_TAGS_MAX: usize = 16;
