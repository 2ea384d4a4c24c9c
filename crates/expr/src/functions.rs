//! Every function of the language, one file each, and the list of them.
//!
//! To add one: write `functions/<name>.rs` as its neighbours are, name it here in both lists.

mod abs;
mod all;
mod any;
mod avg;
mod bool;
mod ceil;
mod check_tcp;
mod colorize;
mod compliance_get_state_of_rule;
mod count;
mod count_lines_matching;
mod enumerate;
mod file_age;
mod file_exists;
mod file_hash_match;
mod file_size;
mod first_match;
mod fleet;
mod fleet_coverage;
mod float;
mod floor;
mod format;
mod get_donut;
mod get_env;
mod get_horizontal_bar;
mod gossip_count_nodes;
mod gossip_get_zone;
mod gossip_have_event_type;
mod grep_file;
mod has_package;
mod hash;
mod host_to_ip;
mod hosting_driver_is_active;
mod human_bytes;
mod human_duration;
mod int;
mod ip_is_in_range;
mod ip_to_host;
mod is_dir;
mod is_in_group;
mod is_in_static_group;
mod is_leader;
mod is_link;
mod is_plain_file;
mod kv;
mod len;
mod list;
mod list_dir;
mod lock_owner;
mod match_text;
mod max;
mod median;
mod min;
mod now;
mod parse_json;
mod parse_json_file;
mod parse_yaml;
mod path_dirname;
mod percent;
mod percentile;
mod process_exists;
mod random;
mod randomint_between;
mod range;
mod reverse;
mod round;
mod set;
mod set_difference;
mod set_intersection;
mod shuffle;
mod sort_by;
mod sorted;
mod stat;
mod stddev;
mod str;
mod string_join;
mod string_lower;
mod string_split;
mod string_upper;
mod sum;
mod system_get_os;
mod system_group_exists;
mod system_groupid_from_groupname;
mod system_groupname_from_groupid;
mod system_is_python_2;
mod system_is_python_3;
mod system_user_exists;
mod system_userid_from_username;
mod system_username_from_userid;
mod to_float;
mod to_int;
mod to_str;
mod tuple;
mod unique;
mod url_get;
mod zip;

use crate::function::Function;

/// What the files of functions are written with.
mod prelude {
    pub(super) use std::cmp::Ordering;

    pub(super) use crate::Unknown;
    pub(super) use crate::arithmetic::{self, Operator};
    pub(super) use crate::call::{Call, compile_regex};
    pub(super) use crate::convert;
    pub(super) use crate::datum::{Datum, Key};
    pub(super) use crate::digest;
    pub(super) use crate::document;
    pub(super) use crate::env::{Agreed, LinePattern, MachineCall};
    pub(super) use crate::evaluate::subscript;
    pub(super) use crate::format_spec;
    pub(super) use crate::function::{
        Accepts, Constant, Function, Reach, optional, repeated, required,
    };
    pub(super) use crate::methods;
    pub(super) use crate::palette;
    pub(super) use crate::repr;
    pub(super) use crate::sort;
    pub(super) use crate::statistics;
    pub(super) use crate::stop::{Step, Stop, fault, fault_with_hint};
}

/// All functions, by group and name.
pub(crate) static ALL: &[Function] = &[
    is_leader::FUNCTION,
    kv::FUNCTION,
    lock_owner::FUNCTION,
    abs::FUNCTION,
    all::FUNCTION,
    any::FUNCTION,
    count::FUNCTION,
    enumerate::FUNCTION,
    len::FUNCTION,
    list::FUNCTION,
    max::FUNCTION,
    min::FUNCTION,
    range::FUNCTION,
    reverse::FUNCTION,
    set::FUNCTION,
    sort_by::FUNCTION,
    sorted::FUNCTION,
    sum::FUNCTION,
    tuple::FUNCTION,
    unique::FUNCTION,
    zip::FUNCTION,
    bool::FUNCTION,
    float::FUNCTION,
    format::FUNCTION,
    int::FUNCTION,
    str::FUNCTION,
    to_float::FUNCTION,
    to_int::FUNCTION,
    to_str::FUNCTION,
    get_donut::FUNCTION,
    get_horizontal_bar::FUNCTION,
    human_bytes::FUNCTION,
    human_duration::FUNCTION,
    count_lines_matching::FUNCTION,
    file_age::FUNCTION,
    file_exists::FUNCTION,
    file_size::FUNCTION,
    grep_file::FUNCTION,
    is_dir::FUNCTION,
    is_link::FUNCTION,
    list_dir::FUNCTION,
    path_dirname::FUNCTION,
    stat::FUNCTION,
    compliance_get_state_of_rule::FUNCTION,
    fleet::FUNCTION,
    fleet_coverage::FUNCTION,
    gossip_count_nodes::FUNCTION,
    gossip_get_zone::FUNCTION,
    gossip_have_event_type::FUNCTION,
    is_in_group::FUNCTION,
    is_in_static_group::FUNCTION,
    file_hash_match::FUNCTION,
    hash::FUNCTION,
    hosting_driver_is_active::FUNCTION,
    avg::FUNCTION,
    ceil::FUNCTION,
    floor::FUNCTION,
    median::FUNCTION,
    percent::FUNCTION,
    percentile::FUNCTION,
    round::FUNCTION,
    stddev::FUNCTION,
    check_tcp::FUNCTION,
    host_to_ip::FUNCTION,
    ip_is_in_range::FUNCTION,
    ip_to_host::FUNCTION,
    url_get::FUNCTION,
    has_package::FUNCTION,
    parse_json::FUNCTION,
    parse_yaml::FUNCTION,
    random::FUNCTION,
    randomint_between::FUNCTION,
    shuffle::FUNCTION,
    set_difference::FUNCTION,
    set_intersection::FUNCTION,
    first_match::FUNCTION,
    match_text::FUNCTION,
    string_join::FUNCTION,
    string_lower::FUNCTION,
    string_split::FUNCTION,
    string_upper::FUNCTION,
    colorize::FUNCTION,
    get_env::FUNCTION,
    is_plain_file::FUNCTION,
    parse_json_file::FUNCTION,
    process_exists::FUNCTION,
    system_get_os::FUNCTION,
    system_group_exists::FUNCTION,
    system_groupid_from_groupname::FUNCTION,
    system_groupname_from_groupid::FUNCTION,
    system_is_python_2::FUNCTION,
    system_is_python_3::FUNCTION,
    system_user_exists::FUNCTION,
    system_userid_from_username::FUNCTION,
    system_username_from_userid::FUNCTION,
    now::FUNCTION,
];
