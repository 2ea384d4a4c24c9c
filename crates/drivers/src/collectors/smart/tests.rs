//! Disks of three kinds, disks that fail, sleep or say nothing, and junk.

use super::super::tests::{Runs, number, text};
use super::*;

const ATA: &str = r#"{"json_format_version":[1,0],"smartctl":{"version":[7,3],"exit_status":0},
"device":{"name":"/dev/sda","info_name":"/dev/sda [SAT]","type":"sat","protocol":"ATA"},
"model_name":"Samsung SSD 870 EVO 1TB","serial_number":"S6PTNS0R000001A",
"smart_status":{"passed":true},
"ata_smart_attributes":{"revision":1,"table":[
{"id":5,"name":"Reallocated_Sector_Ct","value":100,"raw":{"value":3,"string":"3"}},
{"id":177,"name":"Wear_Leveling_Count","value":93,"raw":{"value":120,"string":"120"}},
{"id":187,"name":"Reported_Uncorrect","value":100,"raw":{"value":0,"string":"0"}},
{"id":190,"name":"Airflow_Temperature_Cel","value":70,"raw":{"value":30,"string":"30"}}]},
"power_on_time":{"hours":10233},"temperature":{"current":30}}"#;

const FAILING: &str = r#"{"smartctl":{"version":[7,2],"exit_status":24,
"messages":[{"string":"Warning: This drive has failing attributes","severity":"warning"}]},
"model_name":"ST4000DM000-1F2168","serial_number":"Z3000001","smart_status":{"passed":false},
"ata_smart_attributes":{"table":[
{"id":5,"name":"Reallocated_Sector_Ct","value":4,"when_failed":"now",
 "raw":{"value":8589997496,"string":"63928 (2 0)"}},
{"id":197,"name":"Current_Pending_Sector","value":92,"raw":{"value":1384,"string":"1384"}},
{"id":202,"name":"Data_Address_Mark_Errs","value":60,"raw":{"value":9,"string":"9"}}]},
"power_on_time":{"hours":51000,"minutes":3},"temperature":{"current":47}}"#;

const NVME: &str = r#"{"smartctl":{"version":[7,3],"exit_status":0},
"device":{"name":"/dev/nvme0","type":"nvme","protocol":"NVMe"},
"model_name":"WDC PC SN730   ","serial_number":"20240000001",
"smart_status":{"passed":true,"nvme":{"value":0}},
"nvme_smart_health_information_log":{"critical_warning":0,"temperature":41,"available_spare":100,
"percentage_used":104,"power_on_hours":8112,"media_errors":2,"num_err_log_entries":7},
"temperature":{"current":41},"power_on_time":{"hours":8112}}"#;

const SCSI: &str = r#"{"smartctl":{"version":[7,4],"exit_status":0},
"scsi_model_name":"SEAGATE ST600MM0208","serial_number":"W1","smart_status":{"passed":true},
"scsi_grown_defect_list":11,"temperature":{"current":-3},
"scsi_error_counter_log":{"read":{"total_uncorrected_errors":1},
"write":{"total_uncorrected_errors":4}}}"#;

const ASLEEP: &str = r#"{"smartctl":{"version":[7,3],"exit_status":2,
"messages":[{"string":"Device is in STANDBY mode, exit(2)","severity":"information"}]},
"device":{"name":"/dev/sdb","type":"sat"}}"#;

const REFUSED: &str = r#"{"smartctl":{"exit_status":4,"messages":[
{"string":"/dev/sdc: Unknown USB bridge [0x1234:0x5678]","severity":"error"}]}}"#;

const ALL: &[&str] = &[ATA, FAILING, NVME, SCSI, ASLEEP, REFUSED];

fn disk(answer: &str) -> Value {
    match answer::reading("/dev/x", answer.as_bytes()).unwrap() {
        Reading::Awake(disk) => Value::map(disk),
        Reading::Asleep => panic!("it is awake"),
    }
}

#[track_caller]
fn check(answer: &str, healthy: bool, expect: &[(&str, f64)]) {
    let disk = disk(answer);
    assert_eq!(disk.get("healthy"), Some(&Value::Bool(healthy)));
    for (name, figure) in expect {
        assert_eq!(number(&disk, &[name]), Some(*figure), "{name}");
    }
    let Value::Map(map) = &disk else { panic!() };
    // Beside the health, the model and the serial number.
    assert_eq!(map.iter().count(), expect.len() + 3, "{disk:?}");
    assert!(!text(&disk, &["serial"]).is_empty());
    assert_eq!(text(&disk, &["model"]).trim(), text(&disk, &["model"]));
}

#[test]
fn disks_of_each_kind_tell_their_health() {
    check(
        ATA,
        true,
        &[
            ("temperature", 30.0),
            ("power_on_hours", 10_233.0),
            ("reallocated", 3.0),
            ("media_errors", 0.0),
            ("percentage_used", 7.0),
        ],
    );
    check(
        NVME,
        true,
        &[
            ("temperature", 41.0),
            ("power_on_hours", 8_112.0),
            ("media_errors", 2.0),
            ("percentage_used", 104.0),
        ],
    );
    check(
        SCSI,
        true,
        &[
            ("temperature", -3.0),
            ("reallocated", 11.0),
            ("media_errors", 5.0),
        ],
    );
}

#[test]
fn a_failing_disk_says_so_and_its_packed_numbers_are_unpacked() {
    check(
        FAILING,
        false,
        &[
            ("temperature", 47.0),
            ("power_on_hours", 51_000.0),
            ("reallocated", 63_928.0),
            ("pending", 1_384.0),
        ],
    );
}

#[test]
fn a_disk_without_an_answer_says_why() {
    let reading = |answer: &str| answer::reading("/dev/sdc", answer.as_bytes());
    assert_eq!(reading(ASLEEP).unwrap(), Reading::Asleep);
    let error = reading(REFUSED).unwrap_err().to_string();
    assert!(error.contains("Unknown USB bridge"), "{error}");
    let error = reading("{}").unwrap_err().to_string();
    assert!(
        error.contains("/dev/sdc") && error.contains("SMART"),
        "{error}"
    );
    // That of smartctl 6.
    let error = reading("UNRECOGNIZED OPTION: json")
        .unwrap_err()
        .to_string();
    assert!(error.contains("7.0"), "{error}");
}

#[test]
fn no_answer_that_was_cut_or_bent_does_harm() {
    for answer in ALL {
        for end in 0..answer.len() {
            assert!(answer::reading("x", &answer.as_bytes()[..end]).is_err());
        }
        for index in 0..answer.len() {
            let mut bent = answer.as_bytes().to_vec();
            bent[index] = b'0';
            let _ = answer::reading("x", &bent);
            let _ = answer::devices(&bent);
        }
    }
    let deep = "[".repeat(100_000);
    assert!(answer::reading("x", deep.as_bytes()).is_err());
    for wrong in ["[]", "7", r#"{"devices":{"name":1}}"#, r#"{"devices":[7]}"#] {
        assert_eq!(answer::devices(wrong.as_bytes()).unwrap(), [], "{wrong}");
    }
    let options = r#"{"devices":[{"name":"--set","type":"x"},{"name":"/dev/a","type":"-s"}]}"#;
    assert_eq!(answer::devices(options.as_bytes()).unwrap(), []);
}

/// A machine whose smartctl answers for each disk with a file.
fn machine(scan: &str, answers: &[(&str, &str)]) -> Runs {
    use std::os::unix::fs::PermissionsExt;
    let runs = Runs::new(&COLLECTOR);
    // The last argument is the disk, or `--scan-open`.
    let script = "#!/bin/sh\nfor last; do :; done\nexec /bin/cat \".${last}\"\n";
    runs.file("/usr/sbin/smartctl", script);
    let path = runs.path("/usr/sbin/smartctl");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    runs.file(".--scan-open", scan);
    for (path, answer) in answers {
        runs.file(path, answer);
    }
    runs
}

#[test]
fn a_machine_without_the_program_or_without_disks_says_what_to_do() {
    let todo = |runs: &mut Runs| match runs.run(0).unwrap_err() {
        Trouble::NotEligible { todo, .. } => todo,
        other => panic!("{other}"),
    };
    assert!(todo(&mut Runs::new(&COLLECTOR)).contains("smartmontools"));
    let mut runs = machine(r#"{"smartctl":{"exit_status":0}}"#, &[]);
    assert!(todo(&mut runs).contains("virtual"));
}

#[test]
fn each_disk_is_told_by_itself_and_one_that_sleeps_as_it_was() {
    let scan = r#"{"devices":[{"name":"/dev/sda","type":"sat"},{"name":"/dev/sdb","type":"sat"},
        {"name":"/dev/sdc","type":"scsi"},{"name":"/dev/sdd","type":"sat",
        "open_error":"Permission denied"},{"name":"/dev/bus/0","type":"megaraid,1"},
        {"name":"/dev/bus/0","type":"megaraid,2"}]}"#;
    let mut runs = machine(
        scan,
        &[
            ("/dev/sda", ATA),
            ("/dev/sdb", FAILING),
            ("/dev/sdc", REFUSED),
            ("/dev/bus/0", SCSI),
        ],
    );
    let value = runs.run(0).unwrap();
    assert_eq!(number(&value, &["count"]), Some(4.0));
    assert_eq!(text(&value, &["failing", "0"]), "sdb");
    assert!(text(&value, &["unreadable", "sdc"]).contains("USB"));
    assert!(text(&value, &["unreadable", "sdd"]).contains("Permission denied"));
    assert_eq!(text(&value, &["disks", "bus/0 megaraid,2", "serial"]), "W1");

    runs.file("/dev/sda", ASLEEP);
    let value = runs.run(3_600).unwrap();
    assert_eq!(text(&value, &["asleep", "0"]), "sda");
    assert_eq!(number(&value, &["disks", "sda", "temperature"]), Some(30.0));
    // It was taken out.
    runs.remove("/dev/sdb");
    let value = runs.run(3_600).unwrap();
    assert_eq!(text(&value, &["disks", "sdb", "model"]), "");
    assert!(text(&value, &["unreadable", "sdb"]).contains("/dev/sdb"));
}

#[test]
fn disks_beyond_the_limit_are_counted() {
    let device = |number: usize| format!(r#"{{"name":"/dev/sd{number}","type":"sat"}}"#);
    let devices: Vec<_> = (0..SMART_DISKS_MAX + 3).map(device).collect();
    let mut runs = machine(&format!(r#"{{"devices":[{}]}}"#, devices.join(",")), &[]);
    let value = runs.run(0).unwrap();
    assert_eq!(number(&value, &["left_out"]), Some(3.0));
    let Some(Value::Map(unreadable)) = value.get("unreadable") else {
        panic!("{value:?}")
    };
    assert_eq!(unreadable.iter().count(), SMART_DISKS_MAX);
}
