//! The `seqfault` command.
use seqfault_models::{engines::*, litmus, scenario::*, spec};
fn main() {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let program = litmus::parse(&file, &text).unwrap_or_else(|e| {
        eprintln!("{}", e.render(false));
        std::process::exit(2)
    });
    let mut dev = Deviations::default();
    let mut options = Options::default();
    let mut engine = Engine::Loom;
    for a in args {
        if let Some(q) = a.strip_prefix("q:") {
            dev.quirks.push(quirk(q, None).unwrap());
        } else if let Some(n) = a.strip_prefix("p:") {
            options.preemptions = Some(n.parse().unwrap());
        } else if let Some(n) = a.strip_prefix("m:") {
            options.max_executions = Some(n.parse().unwrap());
        } else if a == "shuttle" {
            engine = Engine::Shuttle
        } else if a == "native" {
            engine = Engine::Native
        } else if let Some((k, v)) = a.split_once('=') {
            dev.choices.push((k.into(), v.into()));
        }
    }
    let scenario = Scenario::new(&program, &dev).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(2)
    });
    let spec = spec::outcomes(&program, &spec::Rules::default()).ok();
    let judge = Judge {
        allowed: spec.map(|s| s.outcomes),
        keep_witnesses: false,
    };
    let r = engine.run(&scenario, &options, &judge);
    for (o, n) in &r.outcomes {
        println!("{n:8} {o}");
    }
    println!("executions {} {} {:?}", r.executions, r.search, r.elapsed);
    if let Some(f) = r.failure {
        println!("{}: {}\n{}", f.violated, f.message, f.replay);
        if std::env::var("T").is_ok() {
            for e in f.timeline {
                println!("  {e:?}");
            }
        }
    }
}
