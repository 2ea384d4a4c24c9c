//! The names that packs and dashboards have used since before this program: each native collector
//! gives them, with values of the same kind.

use std::collections::BTreeMap;

use super::*;

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
fn check(native: &Native, machines: &[Host], below: &str, names: &str) {
    let looks = machines.iter().map(|host| collect_times(host, native, 2));
    let values: Vec<Value> = looks.filter_map(Result::ok).collect();
    check_values(native, &values, below, names);
}

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

fn all() -> Vec<Host> {
    RECORDED.iter().map(|name| recorded(name)).collect()
}

#[test]
fn the_machine_has_the_names_of_the_original() {
    let all = all();
    check(
        &system::COLLECTOR,
        &all,
        "",
        "hostname:t fqdn:t architecture:t cpu_model_name:t local_ip:t user:t cpu_count:i cpu_mhz:i \
         uid:i gid:i",
    );
    check(&system::COLLECTOR, &all, "os", "name:t platform:t");
    check(
        &system::COLLECTOR,
        &all,
        "os linux",
        "distribution:t version:t id:t major_version:i- minor_version:i-",
    );
    check(&timezone::COLLECTOR, &all, "", "timezone:t");
    check(&hypervisor::COLLECTOR, &all, "", "hypervisor:t");
    check(&selinux::COLLECTOR, &all, "", "enabled:b mode:t");
    check(
        &dmidecode::COLLECTOR,
        &all,
        "",
        "bios_date:t bios_vendor:t bios_version:t bios_release:t board_asset_tag:t board_name:t \
         board_serial:t board_vendor:t board_version:t chassis_asset_tag:t chassis_serial:t \
         chassis_type:t chassis_vendor:t chassis_version:t product_family:t product_name:t \
         product_serial:t product_sku:t product_uuid:t product_version:t sys_vendor:t modalias:t \
         uevent:t",
    );
    // Its size was text there, of which nobody can draw a curve.
    check(
        &blockdevice::COLLECTOR,
        &all,
        "sda",
        "vendor:t model:t size:i",
    );
    check(
        &sshd::COLLECTOR,
        &all,
        "",
        "host_rsa_key_pub:t host_dsa_key_pub:t",
    );
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
fn the_use_of_the_machine_has_the_names_of_the_original() {
    let all = all();
    check(
        &memory::COLLECTOR,
        &all,
        "",
        "active(anon):i active(file):i active:i anonhugepages:i anonpages:i bounce:i buffers:i \
         cached:i commitlimit:i committed_as:i directmap1g:i directmap2m:i directmap4k:i dirty:i \
         filehugepages:i filepmdmapped:i hugepages_free:i hugepages_rsvd:i hugepages_surp:i \
         hugepages_total:i hugepagesize:i hugetlb:i inactive(anon):i inactive(file):i inactive:i \
         kernelstack:i kreclaimable:i mapped:i memavailable:i memfree:i memtotal:i mlocked:i \
         nfs_unstable:i pagetables:i percpu:i phys_free:i phys_total:i phys_used:f shmem:i \
         shmemhugepages:i shmempmdmapped:i slab:i sreclaimable:i sunreclaim:i swap_free:i \
         swap_used:f swapcached:i swapfree:i swaptotal:i unevictable:i vmallocchunk:i \
         vmalloctotal:i vmallocused:i writeback:i writebacktmp:i",
    );
    check(
        &kernelstats::COLLECTOR,
        &all,
        "",
        "btime:i procs_running:i procs_blocked:i ctxt/s:fi processes/s:fi pgfault/s:fi \
         pgmajfault/s:fi nr_free_pages:i pgpgin:i pgpgout:i pswpin:i pswpout:i oom_kill:i",
    );
    check(
        &loadaverage::COLLECTOR,
        &all,
        "",
        "load1:f load5:f load15:f",
    );
    check(
        &diskusage::COLLECTOR,
        &all,
        "/",
        "total:i used:i pct_used:i",
    );
    check(
        &iostats::COLLECTOR,
        &all,
        "nvme0n1",
        "reads/s:fi reads_merged/s:fi writes/s:fi writes_merged/s:fi read_bytes/s:fi \
         write_bytes/s:fi util%:fi",
    );
}

#[test]
fn the_network_has_the_names_of_the_original() {
    let all = all();
    check(
        &networktraffic::COLLECTOR,
        &all,
        "eth0",
        "recv_bytes:i recv_packets:i recv_errs:i recv_drop:i recv_fifo:i recv_frame:i \
         recv_compressed:i recv_multicast:i trans_bytes:i trans_packets:i trans_errs:i \
         trans_drop:i trans_fifo:i trans_colls:i trans_carrier:i trans_compressed:i \
         recv_bytes/s:fi trans_bytes/s:fi recv_packets/s:fi trans_packets/s:fi",
    );
    check(
        &interfaces::COLLECTOR,
        &all,
        "eth0",
        "interface:t link_encap:t hardware_address:t ip_address:t broadcast_address:t net_mask:t \
         running:b up:b multicast:b broadcast:b",
    );
    check(&openports::COLLECTOR, &all, "", "ports:l");
    check(&openports::COLLECTOR, &all, "details", "tcp:l udp:l");
    let value = collect(&recorded("debian-12"), &openports::COLLECTOR).unwrap();
    let Some(Value::List(tcp)) = value.get("details").and_then(|it| it.get("tcp")) else {
        panic!("{value:?}")
    };
    for name in ["proto", "source", "dest", "state"] {
        assert_eq!(tcp[0].get(name).map(letter), Some('t'), "{name}: {tcp:?}");
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
    let machine = [Host::at(folder.path())];
    check(
        &raspberrypi::COLLECTOR,
        &machine,
        "",
        "is_raspberry_pi:b version:t temperature:i",
    );
    check(
        &postfix::COLLECTOR,
        &machine,
        "queue",
        "deferred:i active:i maildrop:i incoming:i corrupt:i hold:i",
    );
}
