//! The collectors that expressions may name without a pack that holds them, and their keys.
//!
//! A key may hold `*` for a part that differs between machines: a mount, an interface, a processor.
//! Keys are those that packs know; a collector may give more, which is why an unknown key is a
//! warning and an unknown collector an error.

/// A collector and the keys it gives.
#[derive(Clone, Copy, Debug)]
pub struct KnownCollector {
    /// The name, as in `{{collector.name…}}`.
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [&'static str],
}

/// Finds a collector by its name, built in or not.
pub fn find(name: &str) -> Option<&'static KnownCollector> {
    all().find(|collector| collector.name == name)
}

/// Tells whether a collector is a part of the program.
pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|collector| collector.name == name)
}

/// Gives every collector that is known.
pub fn all() -> impl Iterator<Item = &'static KnownCollector> {
    BUILT_IN.iter().chain(ELSEWHERE)
}

/// Those that are a part of the program, ordered by name.
#[rustfmt::skip]
pub const BUILT_IN: &[KnownCollector] = &[
    KnownCollector { name: "agent", keys: &["version", "state", "uptime", "cpu_percent", "memory_resident", "workers.threads", "workers.queued", "workers.done", "workers.stuck", "workers.refused", "workers.panicked", "disk.healthy", "disk.waiting", "log.lines_dropped", "packs.errors"] },
    KnownCollector { name: "alibaba", keys: &["region-id", "zone-id", "instance-id", "instance-type", "image-id", "private-ipv4", "public-ipv4", "eipv4"] },
    KnownCollector { name: "azure", keys: &["location", "name", "offer", "osType", "placementGroupId", "platformFaultDomain", "platformUpdateDomain", "publisher", "resourceGroupName", "sku", "subscriptionId", "tags", "version", "vmId", "vmScaleSetName", "vmSize", "zone", "ipv4.*", "ipv6.*", "macAddress"] },
    KnownCollector { name: "blockdevice", keys: &["*.vendor", "*.model", "*.size", "*.size_bytes", "*.is_rotational", "*.is_removable"] },
    KnownCollector { name: "certificates", keys: &["count", "soonest_days", "soonest_path", "unreadable", "certificates.*.subject", "certificates.*.issuer", "certificates.*.names", "certificates.*.is_self_signed", "certificates.*.not_before", "certificates.*.not_after", "certificates.*.days_left"] },
    KnownCollector { name: "cgroups", keys: &["count", "is_cut", "groups.*.cpu%", "groups.*.throttled%", "groups.*.memory_bytes", "groups.*.memory_max_bytes", "groups.*.memory_pct_used", "groups.*.oom_kills", "groups.*.read_bytes/s", "groups.*.write_bytes/s", "groups.*.pids"] },
    KnownCollector { name: "conntrack", keys: &["count", "max", "pct_used", "drops/s", "insert_failed/s"] },
    KnownCollector { name: "cpustats", keys: &["*.%user", "*.%nice", "*.%system", "*.%idle", "*.%iowait", "*.%irq", "*.%softirq", "*.%steal", "*.%guest", "*.%guest_nice", "cpu usage %", "cpu_kernel_%", "cpu_user_%"] },
    KnownCollector { name: "digitalocean", keys: &["droplet_id", "hostname", "region", "tags", "interfaces.*", "*"] },
    KnownCollector { name: "diskusage", keys: &["*.total", "*.used", "*.free", "*.pct_used", "*.inodes_total", "*.inodes_used", "*.inodes_pct_used", "*.read_only", "*.type", "*.device", "*.error"] },
    KnownCollector { name: "dmidecode", keys: &["bios_date", "bios_release", "bios_vendor", "bios_version", "board_asset_tag", "board_name", "board_serial", "board_vendor", "board_version", "chassis_asset_tag", "chassis_serial", "chassis_type", "chassis_vendor", "chassis_version", "ec_firmware_release", "modalias", "product_family", "product_name", "product_serial", "product_sku", "product_uuid", "product_version", "sys_vendor", "uevent"] },
    KnownCollector { name: "docker", keys: &["version", "api_version", "containers_count", "running", "unhealthy", "restarting", "images_count", "is_cut", "containers.*.id", "containers.*.image", "containers.*.state", "containers.*.status", "containers.*.health", "containers.*.created", "containers.*.stats.memory.*", "containers.*.stats.memory.pgfault", "containers.*.stats.memory.pgmajfault", "containers.*.stats.memory.pgpgin", "containers.*.stats.memory.pgpgout", "containers.*.stats.cpu.user", "containers.*.stats.cpu.system", "images.*.id", "images.*.size_bytes", "images.*.created", "images.*.running", "images.*.stats.*", "events"] },
    KnownCollector { name: "ec2", keys: &["ami-id", "hostname", "instance-id", "instance-type", "instance-life-cycle", "local-hostname", "local-ipv4", "ipv6", "availability-zone", "profile", "public-hostname", "public-ipv4", "reservation-id", "security-groups", "region"] },
    KnownCollector { name: "googlecloud", keys: &["attributes.*", "cpuPlatform", "description", "hostname", "id", "image", "machineType", "maintenanceEvent", "name", "networkInterfaces", "networkInterfaces.*", "preempted", "scheduling.*", "tags", "zone"] },
    KnownCollector { name: "gossip", keys: &["zone", "nb_known_nodes", "nb_zone_nodes", "alive", "suspect", "dead", "leave", "sent_bytes", "received_bytes", "dropped", "self_doubt"] },
    KnownCollector { name: "hetzner", keys: &["hostname", "instance-id", "public-ipv4", "local-ipv4", "availability-zone", "region"] },
    KnownCollector { name: "hwmon", keys: &["hottest", "temperatures.*.*.celsius", "temperatures.*.*.max", "temperatures.*.*.critical", "fans.*.*.rpm", "disks.*.celsius", "disks.*.critical"] },
    KnownCollector { name: "hypervisor", keys: &["hypervisor", "is_virtual"] },
    KnownCollector { name: "interfaces", keys: &["*.interface", "*.link_encap", "*.hardware_address", "*.ip_address", "*.broadcast_address", "*.net_mask", "*.ip_addresses", "*.ipv6_addresses", "*.up", "*.running", "*.multicast", "*.broadcast", "*.state", "*.kind", "*.master", "*.mtu", "*.speed"] },
    KnownCollector { name: "iostats", keys: &["*.reads/s", "*.reads_merged/s", "*.writes/s", "*.writes_merged/s", "*.read_bytes/s", "*.write_bytes/s", "*.util%", "*.read_wait_ms", "*.write_wait_ms", "*.queue", "*.discards/s", "*.flushes/s", "io read /sec", "io write /sec"] },
    KnownCollector { name: "kernelstats", keys: &["btime", "procs_running", "procs_blocked", "ctxt/s", "processes/s", "pgfault/s", "pgmajfault/s", "*"] },
    KnownCollector { name: "loadaverage", keys: &["load1", "load5", "load15"] },
    KnownCollector { name: "mdraid", keys: &["count", "degraded", "arrays.*.level", "arrays.*.state", "arrays.*.is_degraded", "arrays.*.disks_wanted", "arrays.*.disks_working", "arrays.*.spares", "arrays.*.failed", "arrays.*.action", "arrays.*.action_pct"] },
    KnownCollector { name: "memory", keys: &["phys_total", "phys_free", "phys_used", "swap_free", "swap_used", "memtotal", "memfree", "memavailable", "buffers", "cached", "swaptotal", "swapfree", "dirty", "writeback", "shmem", "slab", "sreclaimable", "hugepages_total", "hugepages_free", "swapcached", "active", "inactive", "active(anon)", "inactive(anon)", "active(file)", "inactive(file)", "unevictable", "mlocked", "zswap", "zswapped", "anonpages", "mapped", "kreclaimable", "sunreclaim", "kernelstack", "pagetables", "secpagetables", "nfs_unstable", "bounce", "writebacktmp", "commitlimit", "committed_as", "vmalloctotal", "vmallocused", "vmallocchunk", "percpu", "hardwarecorrupted", "anonhugepages", "shmemhugepages", "shmempmdmapped", "filehugepages", "filepmdmapped", "cmatotal", "cmafree", "unaccepted", "balloon", "hugepages_rsvd", "hugepages_surp", "hugepagesize", "hugetlb", "directmap4k", "directmap2m", "directmap1g", "Memory *", "swap *"] },
    KnownCollector { name: "mounts", keys: &["count", "unexpectedly_read_only", "hung", "stale", "missing", "mounts.*.device", "mounts.*.type", "mounts.*.options", "mounts.*.read_only", "mounts.*.is_remote", "mounts.*.state", "mounts.*.problem"] },
    KnownCollector { name: "networktraffic", keys: &["*.recv_bytes", "*.recv_packets", "*.recv_errs", "*.recv_drop", "*.recv_fifo", "*.recv_frame", "*.recv_compressed", "*.recv_multicast", "*.trans_bytes", "*.trans_packets", "*.trans_errs", "*.trans_drop", "*.trans_fifo", "*.trans_colls", "*.trans_carrier", "*.trans_compressed", "*.recv_bytes/s", "*.recv_packets/s", "*.recv_errs/s", "*.recv_drop/s", "*.trans_bytes/s", "*.trans_packets/s", "*.trans_errs/s", "*.trans_drop/s", "network total bytes/sec"] },
    KnownCollector { name: "ntp", keys: &["synchronized", "program", "offset_ms", "stratum", "server", "root_delay_ms"] },
    KnownCollector { name: "openports", keys: &["ports", "udp_ports", "owners.*", "details.tcp.*", "details.udp.*", "ports.*", "udp_ports.*"] },
    KnownCollector { name: "openstack", keys: &["uuid", "name", "hostname", "availability_zone", "project_id", "launch_index", "meta.*", "instance-type", "local-ipv4", "public-ipv4"] },
    KnownCollector { name: "postfix", keys: &["queue.active", "queue.corrupt", "queue.deferred", "queue.hold", "queue.incoming", "queue.maildrop", "is_cut"] },
    KnownCollector { name: "pressure", keys: &["*.some_avg10", "*.some_avg60", "*.some_avg300", "*.full_avg10", "*.full_avg60", "*.full_avg300"] },
    KnownCollector { name: "processes", keys: &["total", "kernel", "threads", "running", "sleeping", "blocked", "zombie", "stopped", "idle", "fds", "is_cut", "names.*.count", "names.*.cpu%", "names.*.rss_bytes", "names.*.threads", "names.*.fds", "names_left_out", "top_cpu.*", "top_rss.*", "top_fds.*"] },
    KnownCollector { name: "raspberrypi", keys: &["is_raspberry_pi", "version", "model", "temperature"] },
    KnownCollector { name: "scaleway", keys: &["id", "hostname", "commercial_type", "location.zone_id", "public_ip.address", "tags", "*"] },
    KnownCollector { name: "selinux", keys: &["enabled", "mode", "configured_mode"] },
    KnownCollector { name: "smart", keys: &["count", "failing", "asleep", "unreadable.*", "left_out", "disks.*.healthy", "disks.*.model", "disks.*.serial", "disks.*.temperature", "disks.*.power_on_hours", "disks.*.reallocated", "disks.*.pending", "disks.*.media_errors", "disks.*.percentage_used"] },
    KnownCollector { name: "sockets", keys: &["used", "tcp.inuse", "tcp.orphan", "tcp.tw", "tcp.alloc", "tcp.mem", "udp.inuse", "udp.mem", "tcp6.inuse", "udp6.inuse", "raw.inuse", "states.*", "are_states_counted", "listen_overflows/s", "listen_drops/s", "retransmits/s", "timeouts/s", "resets_sent/s", "udp_receive_drops/s", "*.*"] },
    KnownCollector { name: "sshd", keys: &["host_rsa_key_pub", "host_dsa_key_pub", "host_ecdsa_key_pub", "host_ed25519_key_pub", "host_rsa_key_fingerprint", "host_dsa_key_fingerprint", "host_ecdsa_key_fingerprint", "host_ed25519_key_fingerprint", "config.*"] },
    KnownCollector { name: "synology", keys: &["model", "serial", "are_disks_hotplug", "number_of_iface", "number_of_disks", "dsm_version", "dsm_upgrade_available", "system_status", "temperature", "power_status", "system_fan_status", "cpu_fan_status", "raid_name", "raid_status", "ups_model", "ups_serial", "ups_status", "ups_load", "ups_batterie_charge", "ups_batterie_warning", "disks.*.model", "disks.*.status", "disks.*.temperature"] },
    KnownCollector { name: "system", keys: &["hostname", "fqdn", "architecture", "cpu_model_name", "cpu_count", "cpu_mhz", "public_ip", "local_ip", "user", "uid", "gid", "hosting", "os.name", "os.platform", "os.kernel", "os.linux.distribution", "os.linux.version", "os.linux.id", "os.linux.major_version", "os.linux.minor_version", "windows.caption", "windows.servicepackmajorversion", "windows.servicepackminorversion", "windows.serialnumber", "windows.osarchitecture", "windows.muilanguages", "windows.muilanguages.*", "windows.csdversion", "windows.features", "windows.features.*"] },
    KnownCollector { name: "systemd", keys: &["state", "count", "active", "failed_count", "failed", "activating", "units.*.active", "units.*.sub", "units.*.load", "timers.*.last", "timers.*.next", "timers.*.result", "timers.*.unit"] },
    KnownCollector { name: "timezone", keys: &["timezone", "standard", "name"] },
    KnownCollector { name: "updates", keys: &["manager", "count", "security", "packages", "index_age_days", "reboot_required", "reboot_reasons"] },
    KnownCollector { name: "users", keys: &["count", "names", "root", "remote", "sessions", "sessions.*.user", "sessions.*.line", "sessions.*.from", "sessions.*.since"] },
];

/// Those that shipped packs bring, or that machines of other systems have, ordered by name.
#[rustfmt::skip]
const ELSEWHERE: &[KnownCollector] = &[
    KnownCollector { name: "apache", keys: &["available", "req/s", "busy_workers", "idle_workers", "*"] },
    KnownCollector { name: "geoloc", keys: &["ip", "hostname", "city", "region", "country", "loc", "org", "postal", "timezone"] },
    KnownCollector { name: "iis", keys: &["iis total bytes/sec", "iis current connections", "asp.net total requests failed", "asp.net total requests/sec", "asp.net total errors/sec", "asp.net total pipeline instance count", "asp.net total sessions active", "asp.net requests queued"] },
    KnownCollector { name: "imrane", keys: &["toto"] },
    KnownCollector { name: "mongodb", keys: &["available", "version", "*"] },
    KnownCollector { name: "mysql", keys: &["available", "version", "connections", "slow_queries", "created_tmp_disk_tables", "table_locks_waited", "max_used_connections", "open_files", "threads_connected", "seconds_behind_master", "*"] },
    KnownCollector { name: "nginx", keys: &["available", "connections", "reqPerSec", "*"] },
    KnownCollector { name: "rabbitmq", keys: &["available", "*"] },
    KnownCollector { name: "redis", keys: &["available", "connexion_latency_ms", "*"] },
    KnownCollector { name: "vmwareperformances", keys: &["vmware_tools_available", "cpu.used_cpu_pct", "cpu.stolen_cpu_pct", "cpu.effective_cpu_mhz", "memory.active", "memory.ballooned", "memory.mapped", "memory.overhead", "memory.shared", "memory.shared_saved", "memory.swapped", "memory.used"] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_collector_stands_once_and_in_order() {
        for list in [BUILT_IN, ELSEWHERE] {
            assert!(list.is_sorted_by(|one, next| one.name < next.name));
        }
        assert!(ELSEWHERE.iter().all(|it| !is_built_in(it.name)));
        assert!(find("memory").is_some() && find("memroy").is_none());
        assert!(is_built_in("memory") && !is_built_in("redis") && find("redis").is_some());
    }
}
