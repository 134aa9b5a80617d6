//! Bad usage and bad files: what is said, and exit status 2.

use crate::snapshots;

snapshots! {
    error_no_such_quirk: "check use-after-free.litmus --quirk pt-free-imediate";
    error_no_such_choice: "check use-after-free.litmus --with plt=embedded";
    error_no_such_value: "check use-after-free.litmus --with ptl=embeded";
    error_no_equals_sign: "check use-after-free.litmus --with ptl";
    error_no_such_preset: "check use-after-free.litmus --preset rcu";
    error_conflict: "check use-after-free.litmus --preset spf --with pt_reclaim=on";
    error_bad_files: "check ../bad";
    error_missing_path: "check nowhere.litmus";
    error_folder_without_tests: "check ../snapshots";
    error_time_without_linux: "check use-after-free.litmus --time 1";
    error_no_such_engine: "check use-after-free.litmus --engine lom";
    error_no_path: "check";
    error_bad_name: "new ../race";
}
