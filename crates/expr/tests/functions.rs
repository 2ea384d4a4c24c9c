//! The list of functions: examples hold, names are in order, nothing of the original is missing.

mod world;

use expr::{Reach, functions};
use world::World;

#[test]
fn every_example_of_every_function_holds() {
    for function in functions() {
        assert!(
            !function.examples.is_empty(),
            "{} has no example",
            function.name
        );
        for (expression, expect) in function.examples {
            let found = world::evaluate(expression, &World::new());
            assert_eq!(&found, expect, "{expression}");
        }
    }
}

#[test]
fn functions_are_listed_by_group_and_name_and_described() {
    let names: Vec<_> = functions().iter().map(|f| (f.group, f.name)).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
    for function in functions() {
        assert!(
            function.doc.ends_with('.') && function.doc.len() > 20,
            "{}",
            function.name
        );
        assert!(!function.returns.is_empty(), "{}", function.name);
        let repeated = function.arguments.iter().rev().skip(1).any(|a| a.repeated);
        assert!(
            !repeated,
            "{}: only the last argument may be repeated",
            function.name
        );
    }
}

/// The functions of the original, the three that it never loaded, and those of its successor.
const EXPECTED: &str = "abs min max sum sorted len set list get_donut get_horizontal_bar file_exists \
    grep_file path_dirname is_dir is_link is_in_group is_in_static_group gossip_get_zone \
    gossip_count_nodes gossip_have_event_type compliance_get_state_of_rule hash file_hash_match \
    hosting_driver_is_active ip_is_in_range check_tcp ip_to_host host_to_ip has_package random \
    randomint_between shuffle string_upper string_lower string_split string_join system_get_os \
    system_is_python_2 system_is_python_3 system_user_exists system_group_exists \
    system_userid_from_username system_username_from_userid system_groupid_from_groupname \
    system_groupname_from_groupid colorize is_plain_file parse_json_file get_env now \
    set_difference set_intersection reverse match first_match count_lines_matching file_size \
    file_age list_dir stat url_get process_exists parse_yaml to_int to_float to_str round floor \
    ceil percent human_bytes human_duration any all unique sort_by avg median percentile stddev \
    format count fleet fleet_coverage kv lock_owner is_leader";

#[test]
fn the_functions_that_packs_know_are_there() {
    let known: Vec<_> = functions().iter().map(|function| function.name).collect();
    for name in EXPECTED.split_whitespace() {
        assert!(known.contains(&name), "{name} is missing");
    }
}

#[test]
fn what_touches_the_machine_says_so_and_is_unknown_without_one() {
    for function in functions() {
        let Some((expression, _)) = function.examples.first() else {
            continue;
        };
        let found = world::evaluate(expression, &world::Nothing);
        let needs_world = function.reach != Reach::Arguments;
        assert_eq!(
            found.starts_with("unknown: "),
            needs_world,
            "{expression}: {found}"
        );
        assert_eq!(function.touches_machine(), function.reach == Reach::Machine);
    }
}
