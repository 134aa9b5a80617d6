//! A rest that was altered, and given the checksum that fits: what it leads to may be
//! nonsense, but is an error or a failure, and never a panic.

use std::sync::Arc;

use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::{Relaxed, SeqCst};
use seqfault_explorer::sync::{Condvar, Mutex};
use seqfault_explorer::{Builder, FailureKind, Report, Rest, thread};
use serde_json::{Value, json};

/// Reads, writes, updates, exchanges, sections, a wait, choices and children.
fn program() {
    let shared = Arc::new((Mutex::new(0), Condvar::new(), AtomicU64::new(0)));
    let (one, two) = (shared.clone(), shared.clone());
    let first = thread::spawn(move || {
        let held = one.0.lock().unwrap();
        let held = one.1.wait_while(held, |ready| *ready == 0).unwrap();
        one.2.fetch_add(*held, Relaxed);
    });
    thread::spawn(move || {
        let _ = two.2.compare_exchange(0, 5, SeqCst, Relaxed);
        two.2.store(7, Relaxed);
        two.2.load(SeqCst);
    });
    *shared.0.lock().unwrap() = seqfault_explorer::choose(2) as u64 + 1;
    shared.1.notify_all();
    first.join().unwrap();
}

/// FNV-1a of the content as text.
fn sum(content: &Value) -> u64 {
    let text = content.to_string();
    (text.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Everything in a value, by the way to it.
fn all(value: &Value, way: &str, into: &mut Vec<String>) {
    into.push(way.into());
    match value {
        Value::Array(items) => (items.iter().enumerate())
            .for_each(|(at, item)| all(item, &format!("{way}/{at}"), into)),
        Value::Object(items) => {
            (items.iter()).for_each(|(name, item)| all(item, &format!("{way}/{name}"), into));
        }
        _ => {}
    }
}

/// What else could be in its place.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![],
        Value::Bool(holds) => vec![json!(!holds)],
        Value::Number(n) => {
            let n = n.as_u64().expect("no other numbers");
            let near = [n.wrapping_add(1), n.wrapping_sub(1), 0, n / 2];
            let far = [
                u64::from(u32::MAX),
                u64::from(u32::MAX) - 1,
                1 << 19,
                u64::MAX,
            ];
            near.into_iter()
                .chain(far)
                .filter(|&m| m != n)
                .map(Value::from)
                .collect()
        }
        Value::String(text) => vec![
            json!("Read"),
            json!("Write"),
            json!("Fence"),
            json!(text[1..]),
        ],
        Value::Array(items) if items.is_empty() => vec![json!([0])],
        Value::Array(items) => {
            let mut twice = items.clone();
            twice.push(items[0].clone());
            vec![
                json!([]),
                json!(items[1..]),
                json!(items[..items.len() - 1]),
                json!(twice),
            ]
        }
        Value::Object(_) => vec![json!(null)],
    }
}

/// Has the checker panicked in a thread of the program, which does not?
fn panics(report: &Report) -> bool {
    (report.failure()).is_some_and(|failure| failure.kind == FailureKind::Panic)
}

#[test]
fn a_forged_rest_is_an_error() {
    let (mut refused, mut resumed) = (0, 0);
    let mut panicked = Vec::new();
    // The last rest has forgotten alternatives.
    for (stop, keep) in [(3, 16), (12, 16), (12, 0)] {
        let builder = Builder::new().keep(keep);
        let report = builder.max_executions(stop).check(program);
        let text = serde_json::to_string(&report.rest.expect("a rest")).unwrap();
        let envelope: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(envelope["checksum"], json!(sum(&envelope["content"])));
        let mut ways = Vec::new();
        all(&envelope["content"], "", &mut ways);
        for way in &ways {
            for other in others(envelope["content"].pointer(way).unwrap()) {
                let mut forged = envelope.clone();
                let content = &mut forged["content"];
                *content.pointer_mut(way).unwrap() = other.clone();
                forged["checksum"] = json!(sum(content));
                let text = forged.to_string();
                let resume = move || {
                    let rest: Rest = serde_json::from_str(&text).ok()?;
                    let builder = Builder::new().keep(keep).max_executions(stop + 50);
                    builder.resume(rest, program).ok()
                };
                // The state of a search that breaks down stays with its OS thread.
                match std::thread::spawn(resume).join() {
                    Ok(None) => refused += 1,
                    Ok(Some(report)) if !panics(&report) => resumed += 1,
                    _ => panicked.push(format!("{way}: {other}")),
                }
            }
        }
    }
    assert!(panicked.is_empty(), "{panicked:#?}");
    println!("{refused} refused, {resumed} resumed");
    assert!(refused > 1_000 && resumed > 100);
}
