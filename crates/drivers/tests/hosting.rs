//! Metadata services of clouds, faked on their own addresses in a network namespace.
//!
//! Each test starts itself again in a namespace of its own, where the addresses are put on
//! loopback; so nothing is sent to anybody, even when these tests run on a machine of a cloud. That
//! takes root, or a system that lets users make namespaces.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic and tell"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use drivers::collectors::{Collector, Context, Trouble, find};
use drivers::{Deadline, Host, hosting};
use model::{Moment, Value, WallTime};

const INSIDE: &str = "OPSBRO_TEST_NAMESPACE";
const ADDRESSES: [&str; 3] = ["169.254.169.254", "169.254.42.42", "100.100.100.200"];

/// Runs a body in a namespace of its own. `test` is the name of the test that calls.
fn in_namespace(test: &str, body: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let ways: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    let works = |way: &&&[&str]| {
        let tried = Command::new("unshare").args(**way).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(works) else {
        let message = "network namespaces cannot be made: run this as root, with unshare and ip";
        assert!(std::env::var_os("CI").is_none(), "{message}");
        return eprintln!("{test} was not tried: {message}");
    };
    let mut script = "ip link set lo up".to_owned();
    for address in ADDRESSES {
        script += &format!(" && ip address add {address}/32 dev lo");
    }
    script += " && exec \"$@\"";
    let output = Command::new("unshare")
        .args(*way)
        .args(["sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let told =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", told[0], told[1]);
    assert!(
        told[0].contains("1 passed"),
        "{test} did not run inside: {}",
        told[0]
    );
}

/// What a fake service does with a request: `GET /path` and its headers.
type Answer = fn(&str, &BTreeMap<String, String>, &mut TcpStream);

/// Serves on an address for as long as the test runs, and hands over what was asked.
fn serve(address: &str, answer: Answer) -> Receiver<String> {
    let listener = TcpListener::bind((address, 80)).unwrap();
    let (tx, rx) = sync_channel(1_000);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tx = tx.clone();
            std::thread::spawn(move || serve_one(stream, answer, &tx));
        }
    });
    rx
}

fn serve_one(mut stream: TcpStream, answer: Answer, asked: &SyncSender<String>) {
    let reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = reader.lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let request = first
        .rsplit_once(' ')
        .map_or("", |(request, _)| request)
        .to_owned();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        });
    let headers = headers.collect();
    asked.send(request.clone()).unwrap();
    answer(&request, &headers, &mut stream);
}

fn reply(stream: &mut TcpStream, status: &str, body: &str) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    // Whoever asked may have gone.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// A machine that has these files.
struct Machine {
    host: Host,
    _folder: tempfile::TempDir,
}

fn machine(files: &[(&str, &str)]) -> Machine {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::File::create(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
    Machine {
        host: Host::at(folder.path()),
        _folder: folder,
    }
}

fn vendor(name: &str) -> Machine {
    machine(&[("/sys/class/dmi/id/sys_vendor", name)])
}

fn run(
    collector: &mut dyn Collector,
    machine: &Machine,
    seconds: u64,
    time_box: Duration,
) -> Result<Value, Trouble> {
    collector.collect(&Context {
        host: &machine.host,
        now: Moment::from_start(Duration::from_secs(seconds)),
        wall: WallTime::default(),
        deadline: Deadline::after(time_box),
        options: &BTreeMap::new(),
    })
}

const LONG: Duration = Duration::from_secs(60);

fn ask(name: &str, machine: &Machine) -> Result<Value, Trouble> {
    run((find(name).unwrap().make)().as_mut(), machine, 1, LONG)
}

#[track_caller]
fn check(value: &Value, expect: &[(&str, Value)]) {
    for (path, expect) in expect {
        let found = path
            .split('/')
            .try_fold(value, |value, name| value.get(name));
        assert_eq!(found, Some(expect), "{path} of {value:?}");
    }
}

/// Checks the address and the id that follow from what was told.
#[track_caller]
fn check_identity(machine: &Machine, address: &str, id: &str) {
    let address: IpAddr = address.parse().unwrap();
    assert_eq!(hosting::public_address(&machine.host, None), Some(address));
    assert_eq!(hosting::unique_id(&machine.host).as_deref(), Some(id));
    assert!(hosting::metadata(&machine.host).is_some());
}

fn ec2(request: &str, headers: &BTreeMap<String, String>, stream: &mut TcpStream) {
    if request == "PUT /latest/api/token" {
        assert!(headers.contains_key("x-aws-ec2-metadata-token-ttl-seconds"));
        return reply(stream, "200 OK", "AQAEA-token==");
    }
    if headers.get("x-aws-ec2-metadata-token").map(String::as_str) != Some("AQAEA-token==") {
        return reply(stream, "401 Unauthorized", "");
    }
    match request
        .strip_prefix("GET /latest/meta-data/")
        .unwrap_or_default()
    {
        "ami-id" => reply(stream, "200 OK", "ami-0abcdef1234567890"),
        "instance-id" => reply(stream, "200 OK", "i-0123456789abcdef0"),
        "instance-type" => reply(stream, "200 OK", "t3.micro"),
        "local-ipv4" => reply(stream, "200 OK", "172.31.5.6"),
        "public-ipv4" => reply(stream, "200 OK", "3.250.1.2"),
        "placement/availability-zone" => reply(stream, "200 OK", "eu-west-3a"),
        "security-groups" => reply(stream, "200 OK", "default\nweb"),
        _ => reply(stream, "404 Not Found", "<html>404</html>"),
    }
}

#[test]
fn ec2_is_asked_with_a_token_and_once_an_hour() {
    in_namespace("ec2_is_asked_with_a_token_and_once_an_hour", || {
        let asked = serve(ADDRESSES[0], ec2);
        let machine = vendor("Amazon EC2\n");
        let mut collector = (find("ec2").unwrap().make)();
        let value = run(collector.as_mut(), &machine, 1, LONG).unwrap();
        check(
            &value,
            &[
                ("ami-id", "ami-0abcdef1234567890".into()),
                ("instance-type", "t3.micro".into()),
                ("availability-zone", "eu-west-3a".into()),
                ("region", "eu-west-3".into()),
                ("security-groups", "default\nweb".into()),
            ],
        );
        assert_eq!(value.get("hostname"), None, "it was not told");
        check_identity(&machine, "3.250.1.2", "i-0123456789abcdef0");
        assert!(asked.try_iter().count() > 5);
        assert_eq!(run(collector.as_mut(), &machine, 61, LONG).unwrap(), value);
        assert_eq!(
            asked.try_iter().count(),
            0,
            "what is known is not asked again"
        );
        run(collector.as_mut(), &machine, 3_700, LONG).unwrap();
        assert!(asked.try_iter().count() > 5);
        // Another machine asks nobody.
        let elsewhere = vendor("QEMU\n");
        assert!(matches!(
            ask("ec2", &elsewhere),
            Err(Trouble::NotEligible { .. })
        ));
        assert_eq!(hosting::public_address(&elsewhere.host, None), None);
        assert_eq!(asked.try_iter().count(), 0);
    });
}

fn texts(request: &str, _headers: &BTreeMap<String, String>, stream: &mut TcpStream) {
    match request {
        "GET /latest/meta-data/region-id" => reply(stream, "200 OK", "eu-central-1"),
        "GET /latest/meta-data/instance-id" => reply(stream, "200 OK", "i-gw8abc"),
        "GET /latest/meta-data/eipv4" => reply(stream, "200 OK", "8.209.1.2"),
        "GET /hetzner/v1/metadata/instance-id" => reply(stream, "200 OK", "12345678\n"),
        "GET /hetzner/v1/metadata/public-ipv4" => reply(stream, "200 OK", "5.75.1.2\n"),
        "GET /hetzner/v1/metadata/region" => reply(stream, "200 OK", "eu-central\n"),
        _ => reply(stream, "404 Not Found", ""),
    }
}

#[test]
fn alibaba_and_hetzner_tell_in_texts() {
    in_namespace("alibaba_and_hetzner_tell_in_texts", || {
        let _asked = [serve(ADDRESSES[0], texts), serve(ADDRESSES[2], texts)];
        let machine = vendor("Alibaba Cloud\n");
        check(
            &ask("alibaba", &machine).unwrap(),
            &[("region-id", "eu-central-1".into())],
        );
        check_identity(&machine, "8.209.1.2", "i-gw8abc");
        let machine = vendor("Hetzner\n");
        check(
            &ask("hetzner", &machine).unwrap(),
            &[("region", "eu-central".into())],
        );
        check_identity(&machine, "5.75.1.2", "12345678");
    });
}

const AZURE: &str = r#"{"compute": {"location": "westeurope", "name": "web1", "vmId":
    "02aab8a4-74ef-476e-8182-f6d2ba4166a6", "vmSize": "Standard_B2s", "tags": "a:1;b:2",
    "customData": "c2VjcmV0", "userData": "c2VjcmV0", "osProfile": {"adminUsername": "root"},
    "publicKeys": [{"keyData": "ssh-rsa AAAA"}]}, "network": {"interface": [{"ipv4": {"ipAddress":
    [{"privateIpAddress": "10.0.0.4", "publicIpAddress": "20.50.1.2"}], "subnet": []}, "ipv6":
    {"ipAddress": []}, "macAddress": "000D3A123456"}]}}"#;
const GOOGLE: &str = r#"{"attributes": {"role": "db", "startup-script": "PASSWORD=x", "ssh-keys":
    "me:ssh-rsa AAAA"}, "id": 17958346218379134337, "machineType":
    "projects/123/machineTypes/e2-small", "zone": "projects/123/zones/europe-west1-b", "tags":
    ["web", "prod"], "serviceAccounts": {"default": {"email": "x"}}, "networkInterfaces":
    [{"accessConfigs": [{"externalIp": "34.76.1.2", "type": "ONE_TO_ONE_NAT"}], "ip": "10.1.0.2"}]}"#;
const DIGITALOCEAN: &str = r#"{"droplet_id": 2756294, "region": "nyc3", "auth_key": "secret",
    "user_data": "secret", "public_keys": ["ssh-rsa AAAA"], "tags": ["web"], "interfaces":
    {"public": [{"ipv4": {"ip_address": "104.131.20.105"}}]}}"#;
const SCALEWAY: &str = r#"{"id": "11111111-1111-4111-8111-111111111111", "tags": ["web"], "location":
    {"zone_id": "par1"}, "public_ip": {"address": "51.15.1.2"}, "ssh_public_keys": [{"key": "AAAA"}]}"#;
const OPENSTACK: &str = r#"{"uuid": "d8e02d56-2648-49a3-bf97-6be8f1204f38", "name": "db1",
    "availability_zone": "nova", "admin_pass": "secret", "random_seed": "secret", "meta": {"role":
    "db"}, "public_keys": {"mykey": "ssh-rsa AAAA"}, "launch_index": 0}"#;

fn documents(request: &str, headers: &BTreeMap<String, String>, stream: &mut TcpStream) {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let path = request.split('?').next().unwrap_or_default();
    match path {
        "GET /metadata/instance" if says("metadata", "true") => reply(stream, "200 OK", AZURE),
        "GET /computeMetadata/v1/instance/" if says("metadata-flavor", "Google") => {
            reply(stream, "200 OK", GOOGLE);
        }
        "GET /metadata/v1.json" => reply(stream, "200 OK", DIGITALOCEAN),
        "GET /conf" => reply(stream, "200 OK", SCALEWAY),
        "GET /openstack/latest/meta_data.json" => reply(stream, "200 OK", OPENSTACK),
        "GET /latest/meta-data/public-ipv4" => reply(stream, "200 OK", "185.1.2.3"),
        "GET /latest/meta-data/instance-type" => reply(stream, "200 OK", "m1.small"),
        _ => reply(stream, "403 Forbidden", ""),
    }
}

/// Asks, and checks that nothing is told that should not be.
#[track_caller]
fn told(name: &str, machine: &Machine) -> Value {
    let value = ask(name, machine).unwrap();
    let shown = format!("{value:?}");
    for secret in ["secret", "c2VjcmV0", "AAAA", "PASSWORD", "email"] {
        assert!(!shown.contains(secret), "{name} tells {secret}: {shown}");
    }
    value
}

#[test]
fn documents_are_read_without_their_secrets() {
    in_namespace("documents_are_read_without_their_secrets", || {
        let _asked = [
            serve(ADDRESSES[0], documents),
            serve(ADDRESSES[1], documents),
        ];
        let tag = "/sys/class/dmi/id/chassis_asset_tag";
        let azure = machine(&[(tag, "7783-7084-3265-9085-8269-3286-77\n")]);
        let value = told("azure", &azure);
        check(
            &value,
            &[
                ("location", "westeurope".into()),
                ("vmSize", "Standard_B2s".into()),
            ],
        );
        check(&value, &[("macAddress", "000D3A123456".into())]);
        check_identity(&azure, "20.50.1.2", "02aab8a4-74ef-476e-8182-f6d2ba4166a6");

        let google = machine(&[("/sys/class/dmi/id/product_name", "Google Compute Engine\n")]);
        let value = told("googlecloud", &google);
        check(
            &value,
            &[
                ("machineType", "e2-small".into()),
                ("zone", "europe-west1-b".into()),
            ],
        );
        check(
            &value,
            &[("tags/1", "prod".into()), ("attributes/role", "db".into())],
        );
        check_identity(&google, "34.76.1.2", "17958346218379134337");
    });
}

#[test]
fn documents_of_smaller_clouds_are_read_without_their_secrets() {
    in_namespace(
        "documents_of_smaller_clouds_are_read_without_their_secrets",
        || {
            let _asked = [
                serve(ADDRESSES[0], documents),
                serve(ADDRESSES[1], documents),
            ];
            let ocean = vendor("DigitalOcean\n");
            check(&told("digitalocean", &ocean), &[("region", "nyc3".into())]);
            check_identity(&ocean, "104.131.20.105", "2756294");

            let scaleway = vendor("Scaleway\n");
            let value = told("scaleway", &scaleway);
            check(
                &value,
                &[
                    ("location/zone_id", "par1".into()),
                    ("tags/0", "web".into()),
                ],
            );
            check_identity(
                &scaleway,
                "51.15.1.2",
                "11111111-1111-4111-8111-111111111111",
            );

            let openstack = vendor("OpenStack Foundation\n");
            let value = told("openstack", &openstack);
            check(
                &value,
                &[
                    ("meta/role", "db".into()),
                    ("instance-type", "m1.small".into()),
                ],
            );
            check_identity(
                &openstack,
                "185.1.2.3",
                "d8e02d56-2648-49a3-bf97-6be8f1204f38",
            );
        },
    );
}

/// Checks that all providers fail with such a message when this answers for them.
#[track_caller]
fn check_failure(answer: Answer, time_box: Duration, part: &str) {
    let asked = ADDRESSES.map(|address| serve(address, answer));
    let tag = "/sys/class/dmi/id/chassis_asset_tag";
    let product = "/sys/class/dmi/id/product_name";
    let machines = [
        ("ec2", vendor("Amazon EC2")),
        ("alibaba", vendor("Alibaba Cloud")),
        ("hetzner", vendor("Hetzner")),
        ("digitalocean", vendor("DigitalOcean")),
        ("scaleway", vendor("Scaleway")),
        ("openstack", vendor("OpenStack Foundation")),
        (
            "azure",
            machine(&[(tag, "7783-7084-3265-9085-8269-3286-77")]),
        ),
        (
            "googlecloud",
            machine(&[(product, "Google Compute Engine")]),
        ),
    ];
    for (name, machine) in &machines {
        let start = Instant::now();
        let mut collector = (find(name).unwrap().make)();
        let error = run(collector.as_mut(), machine, 1, time_box).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(part), "{name}: {error}");
        assert!(
            start.elapsed() < LONG / 2,
            "{name} took {:?}",
            start.elapsed()
        );
        assert_eq!(hosting::metadata(&machine.host), None);
        assert_eq!(hosting::public_address(&machine.host, None), None);
    }
    assert!(asked.iter().all(|asked| asked.try_iter().count() > 0));
}

#[test]
fn a_service_that_never_answers_is_given_up_in_time() {
    in_namespace("a_service_that_never_answers_is_given_up_in_time", || {
        let silent: Answer = |_, _, stream| {
            // Until the other side has gone.
            let _ = std::io::copy(stream, &mut std::io::sink());
        };
        check_failure(silent, Duration::from_millis(200), "took longer than 200ms");
    });
}

#[test]
fn a_redirect_is_not_followed() {
    in_namespace("a_redirect_is_not_followed", || {
        let away: Answer = |request, _, stream| {
            assert!(!request.contains("evil"), "it was followed");
            let head = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/evil\r\n";
            let _ = stream.write_all(format!("{head}Content-Length: 0\r\n\r\n").as_bytes());
        };
        check_failure(
            away,
            LONG,
            "answered 302, which leads elsewhere and is not followed",
        );
    });
}

#[test]
fn an_answer_of_100_mb_is_cut_short() {
    in_namespace("an_answer_of_100_mb_is_cut_short", || {
        let endless: Answer = |_, _, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n");
            let megabyte = vec![b'x'; 1 << 20];
            for _ in 0..100 {
                if stream.write_all(&megabyte).is_err() {
                    return;
                }
            }
        };
        check_failure(endless, LONG, "is more than 1048576 bytes");
    });
}

#[test]
fn a_service_that_refuses_is_named() {
    in_namespace("a_service_that_refuses_is_named", || {
        let refuses: Answer = |_, _, stream| reply(stream, "403 Forbidden", "no");
        check_failure(refuses, LONG, "answered 403: the service is switched off");
    });
}

#[test]
fn nonsense_is_told() {
    in_namespace("nonsense_is_told", || {
        let _asked = serve(ADDRESSES[0], |_, _, stream| {
            reply(stream, "200 OK", "[1, \u{fffd}");
        });
        for vendor_name in ["DigitalOcean", "OpenStack Foundation"] {
            let name = vendor_name
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let error = ask(&name, &vendor(vendor_name)).unwrap_err().to_string();
            assert!(
                error.contains("answered something else than a map"),
                "{error}"
            );
        }
    });
}
