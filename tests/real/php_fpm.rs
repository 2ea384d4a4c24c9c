//! PHP-FPM, whose status page a web server passes on.

use tests::{Folder, Watch, free_port};

use crate::{nginx, within};

/// Where Debian 12 has it.
const PROGRAM: &str = "/usr/sbin/php-fpm8.2";

#[test]
fn php_fpm_is_measured_and_its_death_is_told() {
    let folder = Folder::of_user("www-data");
    let socket = folder.path("fpm.sock");
    let configuration = folder.write(
        "fpm.conf",
        &format!(
            "[global]\nerror_log = {}\ndaemonize = no\n\
             [www]\nlisten = {socket}\npm = static\npm.max_children = 3\n\
             pm.status_path = /fpm-status\n",
            folder.path("error.log")
        ),
    );
    let mut command = folder.command(PROGRAM, "php-fpm");
    command.args(["-n", "-F", "-y", &configuration]);
    let server = folder.start(command).on_socket(&socket);
    let web_folder = Folder::new();
    let port = free_port();
    let _web = nginx::start(
        &web_folder,
        port,
        &format!(
            "location = /fpm-status {{ include /etc/nginx/fastcgi_params;\n\
             fastcgi_param SCRIPT_NAME /fpm-status;\nfastcgi_param SCRIPT_FILENAME /fpm-status;\n\
             fastcgi_pass unix:{socket}; }}"
        ),
    );
    let uri = format!("uri: http://127.0.0.1:{port}/fpm-status?json\n");
    let watch = Watch::new("php-fpm", &["phpfpm"], &uri);
    let results = watch.results("phpfpm", |it| it["requests/s"].as_f64());
    assert_eq!(results["available"], true);
    assert_eq!(results["pool"], "www");
    assert_eq!(results["process_manager"], "static");
    assert_eq!(results["total_processes"], 3);
    assert_eq!(results["active_processes"], 1);
    assert!(within(&results["used_pct"], 33.0, 34.0));
    assert!(within(&results["requests/s"], 0.0, 1e4));
    server.kill();
    let reason = watch.reason("phpfpm", "ERROR");
    assert!(reason.contains("status 502"), "{reason}");
}
