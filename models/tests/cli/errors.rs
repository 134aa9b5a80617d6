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
    error_seed_of_the_explorer: "check use-after-free.litmus --seed 7";
    error_memory_of_loom: "check use-after-free.litmus --engine loom --memory tso";
    error_iterations_of_the_explorer: "check use-after-free.litmus --iterations 5";
    error_max_time_of_shuttle: "check use-after-free.litmus --engine shuttle --max-time 5";
    error_strategy_of_native: "check use-after-free.litmus --engine native --strategy pct";
    error_trace_of_the_specification: "check one-cpu.litmus --engine spec --trace";
    error_no_jobs: "check use-after-free.litmus --jobs 0";
    error_no_such_engine: "check use-after-free.litmus --engine lom";
    error_no_path: "check";
    error_bad_name: "new ../race";
}
