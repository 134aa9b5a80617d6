//! Bad usage and bad files: what is said, and exit status 2.

use crate::families;

families! {
    /// Quirks, choices, presets and values that there are not.
    errors_of_choices {
        no_such_quirk: "check use-after-free.litmus --quirk pt-free-imediate";
        no_such_choice: "check use-after-free.litmus --with plt=embedded";
        no_such_value: "check use-after-free.litmus --with ptl=embeded";
        no_equals_sign: "check use-after-free.litmus --with ptl";
        no_such_preset: "check use-after-free.litmus --preset rcu";
        conflict: "check use-after-free.litmus --preset spf --with pt_reclaim=on";
        no_such_engine: "check use-after-free.litmus --engine lom";
        no_jobs: "check use-after-free.litmus --jobs 0";
    }

    /// What is said twice, of which one would be dropped.
    errors_of_repetition {
        two_values: "check use-after-free.litmus one-cpu.litmus --with flush=relaxed --with flush=strict";
        one_value_twice: "compare use-after-free.litmus --with flush=relaxed --with flush=relaxed";
        a_limit_twice: "check use-after-free.litmus --with frames=3 --with frames=4";
        one_quirk_twice: "conform --cpus 2 --quirk pt-free-immediate --quirk pt-free-immediate";
        preset_beside_protocol: "check use-after-free.litmus --with protocol=vma_lock --preset spf";
    }

    /// Paths and the files behind them.
    errors_of_files {
        bad_files: "check ../bad";
        missing_path: "check nowhere.litmus";
        folder_without_tests: "check ../snapshots";
        no_path: "check";
        missing_path_of_classes: "classes nowhere.litmus";
        standard_input_twice: "check - -";
        more_than_time_is_for: "conform --sequences 18446744073709551615";
        more_programs_than_fit: "conform --cpus 2 --sequences 1000000000";
        no_patience: "conform --patience 0";
        bad_name: "new ../race";
    }

    /// Options that the engine would ignore.
    errors_of_engines {
        time_without_linux: "check use-after-free.litmus --time 1";
        seed_of_the_explorer: "check use-after-free.litmus --seed 7";
        memory_of_loom: "check use-after-free.litmus --engine loom --memory tso";
        iterations_of_the_explorer: "check use-after-free.litmus --iterations 5";
        preemptions_without_loom: "check use-after-free.litmus --preemptions 1";
        bound_on_preemptions_by_the_explorer: "check use-after-free.litmus --bound preemptions=2";
        bound_on_revisits_by_loom: "check use-after-free.litmus --engine loom --bound revisits=2";
        bound_of_no_name: "check use-after-free.litmus --bound depth=2";
        bound_without_a_number: "check use-after-free.litmus --bound revisits=few";
        bound_of_a_kept_search: "check use-after-free.litmus --bound revisits=2 --save kept";
        max_time_of_shuttle: "check use-after-free.litmus --engine shuttle --max-time 5";
        seed_of_depth_first: "check use-after-free.litmus --engine shuttle --strategy dfs --seed 3";
        strategy_of_native: "check use-after-free.litmus --engine native --strategy pct";
        trace_of_the_specification: "check one-cpu.litmus --engine spec --trace";
        shard_of_loom: "check use-after-free.litmus --engine loom --shard 1/2";
        save_by_shuttle: "check use-after-free.litmus --engine shuttle --save kept";
        dot_of_loom: "check use-after-free.litmus --engine loom --dot graphs";
    }

    /// Parts of a search, and searches that are kept.
    errors_of_parts {
        shard_from_nought: "check use-after-free.litmus --shard 0/4";
        shard_beyond: "check use-after-free.litmus --shard 5/4";
        shard_of_words: "check use-after-free.litmus --shard two";
        save_with_trace: "check use-after-free.litmus --trace --save kept";
        save_every_never: "check use-after-free.litmus --save kept --save-every 0";
        merge_without_save: "check use-after-free.litmus --merge 2";
        merge_of_none: "check use-after-free.litmus --merge 0 --save kept";
        merge_from_nowhere: "check use-after-free.litmus --merge 2 --save nowhere";
        merge_within_limits: "check use-after-free.litmus --merge 2 --save kept --max-executions 5";
        merge_within_a_time: "check use-after-free.litmus --merge 2 --save kept --max-time 5";
        merge_now_and_then: "check use-after-free.litmus --merge 2 --save kept --save-every 5";
        merge_of_a_part: "check use-after-free.litmus --merge 2 --shard 1/2 --save kept";
        dot_of_two_with_one_name: "check use-after-free.litmus ./use-after-free.litmus --dot graphs";
    }
}
