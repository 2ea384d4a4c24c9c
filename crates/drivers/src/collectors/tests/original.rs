//! The names that packs and dashboards have used since before this program: each native collector
//! gives them, with values of the same kind.

use std::collections::BTreeMap;

use super::*;

/// For each collector, the place below which it has names, and these for [`check_values`].
#[rustfmt::skip]
const NAMES: &[(&Native, &str, &str)] = &[
    (&system::COLLECTOR, "",
        "hostname:t fqdn:t architecture:t cpu_model_name:t local_ip:t user:t cpu_count:i \
         cpu_mhz:i uid:i gid:i"),
    (&system::COLLECTOR, "os", "name:t platform:t"),
    (&system::COLLECTOR, "os linux",
        "distribution:t version:t id:t major_version:i- minor_version:i-"),
    (&timezone::COLLECTOR, "", "timezone:t"),
    (&hypervisor::COLLECTOR, "", "hypervisor:t"),
    (&selinux::COLLECTOR, "", "enabled:b mode:t"),
    (&dmidecode::COLLECTOR, "",
        "bios_date:t bios_vendor:t bios_version:t bios_release:t board_asset_tag:t board_name:t \
         board_serial:t board_vendor:t board_version:t chassis_asset_tag:t chassis_serial:t \
         chassis_type:t chassis_vendor:t chassis_version:t product_family:t product_name:t \
         product_serial:t product_sku:t product_uuid:t product_version:t sys_vendor:t modalias:t \
         uevent:t"),
    // Its size was text there, of which nobody can draw a curve.
    (&blockdevice::COLLECTOR, "sda", "vendor:t model:t size:i"),
    (&sshd::COLLECTOR, "", "host_rsa_key_pub:t host_dsa_key_pub:t"),
    (&memory::COLLECTOR, "",
        "active(anon):i active(file):i active:i anonhugepages:i anonpages:i bounce:i buffers:i \
         cached:i commitlimit:i committed_as:i directmap1g:i directmap2m:i directmap4k:i dirty:i \
         filehugepages:i filepmdmapped:i hugepages_free:i hugepages_rsvd:i hugepages_surp:i \
         hugepages_total:i hugepagesize:i hugetlb:i inactive(anon):i inactive(file):i inactive:i \
         kernelstack:i kreclaimable:i mapped:i memavailable:i memfree:i memtotal:i mlocked:i \
         nfs_unstable:i pagetables:i percpu:i phys_free:i phys_total:i phys_used:f shmem:i \
         shmemhugepages:i shmempmdmapped:i slab:i sreclaimable:i sunreclaim:i swap_free:i \
         swap_used:f swapcached:i swapfree:i swaptotal:i unevictable:i vmallocchunk:i \
         vmalloctotal:i vmallocused:i writeback:i writebacktmp:i"),
    (&kernelstats::COLLECTOR, "",
        "btime:i procs_running:i procs_blocked:i ctxt/s:fi processes/s:fi pgfault/s:fi \
         pgmajfault/s:fi nr_free_pages:i pgpgin:i pgpgout:i pswpin:i pswpout:i oom_kill:i"),
    (&loadaverage::COLLECTOR, "", "load1:f load5:f load15:f"),
    (&diskusage::COLLECTOR, "/", "total:i used:i pct_used:i"),
    (&iostats::COLLECTOR, "nvme0n1",
        "reads/s:fi reads_merged/s:fi writes/s:fi writes_merged/s:fi read_bytes/s:fi \
         write_bytes/s:fi util%:fi"),
    (&networktraffic::COLLECTOR, "eth0",
        "recv_bytes:i recv_packets:i recv_errs:i recv_drop:i recv_fifo:i recv_frame:i \
         recv_compressed:i recv_multicast:i trans_bytes:i trans_packets:i trans_errs:i \
         trans_drop:i trans_fifo:i trans_colls:i trans_carrier:i trans_compressed:i \
         recv_bytes/s:fi trans_bytes/s:fi recv_packets/s:fi trans_packets/s:fi"),
    (&interfaces::COLLECTOR, "eth0",
        "interface:t link_encap:t hardware_address:t ip_address:t broadcast_address:t net_mask:t \
         running:b up:b multicast:b broadcast:b"),
    (&openports::COLLECTOR, "", "ports:l"),
    (&openports::COLLECTOR, "details", "tcp:l udp:l"),
];

/// Kinds of values, as one letter in the tables below.
fn letter(value: &Value) -> char {
    match value {
        Value::None => '-',
        Value::Bool(_) => 'b',
        Value::Int(_) => 'i',
        Value::Float(_) => 'f',
        Value::Text(_) => 't',
        Value::List(_) => 'l',
        Value::Map(_) => 'm',
    }
}

/// All that a collector gives: path and kinds.
fn given(values: &[Value]) -> BTreeMap<String, String> {
    fn walk(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
        let kinds = found.entry(path.to_owned()).or_default();
        if !kinds.contains(letter(value)) {
            kinds.push(letter(value));
        }
        if let Value::Map(map) = value {
            for (name, value) in map.iter() {
                // A name that differs between machines may hold points.
                walk(value, &format!("{path}{name}\n"), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    for value in values {
        walk(value, "", &mut found);
    }
    found
}

/// Checks names separated by spaces; each is `path:kinds`, where any of the kinds will do.
#[track_caller]
fn check_values(native: &Native, values: &[Value], below: &str, names: &str) {
    let given = given(values);
    let mut wrong = Vec::new();
    for name in names.split_ascii_whitespace() {
        let (name, kinds) = name.rsplit_once(':').unwrap();
        let path = format!("{below} {name}").trim().replace(' ', "\n") + "\n";
        let found = given.get(&path).map_or("", String::as_str);
        if found.is_empty() || !found.chars().all(|kind| kinds.contains(kind)) {
            wrong.push(format!("{name}: {kinds} is {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", native.name);
}

#[test]
fn the_machine_and_its_network_have_the_names_of_the_original() {
    let machines: Vec<Host> = RECORDED.iter().map(|name| recorded(name)).collect();
    for (native, below, names) in NAMES {
        let looks = machines.iter().map(|host| collect_times(host, native, 2));
        let values: Vec<Value> = looks.filter_map(Result::ok).collect();
        check_values(native, &values, below, names);
    }
}

#[test]
fn open_ports_are_told_as_the_original_told_them() {
    let value = collect(&recorded("debian-12"), &openports::COLLECTOR).unwrap();
    let Some(Value::List(tcp)) = value.get("details").and_then(|it| it.get("tcp")) else {
        panic!("{value:?}")
    };
    for name in ["proto", "source", "dest", "state"] {
        assert_eq!(tcp[0].get(name).map(letter), Some('t'), "{name}: {tcp:?}");
    }
}

#[test]
fn shares_of_processors_have_the_names_of_the_original() {
    let mut runs = Runs::new(&cpustats::COLLECTOR);
    runs.file(
        "/proc/stat",
        "cpu 8 0 2 10 0 0 0 0 0 0\ncpu0 4 0 1 5 0 0 0 0 0 0\n",
    );
    runs.run(0).unwrap();
    runs.file(
        "/proc/stat",
        "cpu 98 0 12 110 0 0 0 0 0 0\ncpu0 49 0 6 55 0 0 0 0 0 0\n",
    );
    let value = runs.run(1).unwrap();
    for processor in ["cpu_all", "cpu0"] {
        check_values(
            &cpustats::COLLECTOR,
            std::slice::from_ref(&value),
            processor,
            "%user:f %nice:f %system:f %idle:f %iowait:f %irq:f %softirq:f %steal:f %guest:f \
             %guest_nice:f",
        );
    }
}

#[test]
fn what_few_machines_have_has_the_names_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str, text: &str| write(&folder.path().join(path), text);
    file(
        "sys/firmware/devicetree/base/model",
        "Raspberry Pi 4 Model B Rev 1.4\0",
    );
    file("sys/class/thermal/thermal_zone0/temp", "48312\n");
    for queue in [
        "deferred", "active", "maildrop", "incoming", "corrupt", "hold",
    ] {
        file(&format!("var/spool/postfix/{queue}/A1"), "");
    }
    let machine = Host::at(folder.path());
    let queues = "deferred:i active:i maildrop:i incoming:i corrupt:i hold:i";
    let model = "is_raspberry_pi:b version:t temperature:i";
    for (native, below, names) in [
        (&raspberrypi::COLLECTOR, "", model),
        (&postfix::COLLECTOR, "queue", queues),
    ] {
        let value = collect_times(&machine, native, 2).unwrap();
        check_values(native, &[value], below, names);
    }
}
