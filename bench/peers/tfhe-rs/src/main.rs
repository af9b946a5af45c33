//! Measures TFHE-rs with its default CPU parameters (failure probability
//! 2^-128) on the rows of fhevm's bench.
//!
//! It reads names of rows from standard input, one a line, measures each at
//! once and answers with one line of JSON: {"name", "value", "unit"}. With
//! -list it prints all names instead, so that a whole run is
//!
//!     tfhe-rs -list | tfhe-rs
//!
//! With -version it prints what it measures, with -ks32 it takes the parameter set with 32-bit key switching.

mod bootstrap;
mod operations;

use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

use tfhe::shortint::parameters::{
    COMP_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128, PARAM_MESSAGE_2_CARRY_2_KS32_PBS_TUNIFORM_2M128,
};
use tfhe::{Config, ConfigBuilder, generate_keys, set_server_key};

/// Row is one figure that can be measured on request.
pub struct Row {
    name: String,
    unit: &'static str,
    measure: Box<dyn Fn() -> f64>,
}

impl Row {
    pub fn new(name: String, unit: &'static str, measure: impl Fn() -> f64 + 'static) -> Row {
        Row { name, unit, measure: Box::new(measure) }
    }
}

/// Short operations are repeated until this much time has passed.
const SAMPLE: Duration = Duration::from_millis(300);

/// Median time of one run of f, in milliseconds.
pub fn median_ms<T>(f: impl Fn() -> T) -> f64 {
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.is_empty() || start.elapsed() < SAMPLE {
        let lap = Instant::now();
        black_box(f());
        times.push(lap.elapsed());
    }
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn config(ks32: bool) -> Config {
    let builder = match ks32 {
        true => ConfigBuilder::with_custom_parameters(PARAM_MESSAGE_2_CARRY_2_KS32_PBS_TUNIFORM_2M128),
        false => ConfigBuilder::default(),
    };
    builder.enable_compression(COMP_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128).build()
}

/// The library that is measured, as Cargo.toml pins it.
fn version(ks32: bool) -> String {
    let line = include_str!("../Cargo.toml").lines().find(|l| l.starts_with("tfhe ")).expect("dependency");
    let number = line.split('"').nth(1).expect("version").trim_start_matches('=');
    format!("tfhe-rs {number}{}", if ks32 { " KS32" } else { "" })
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag| args.iter().any(|a| a == flag);
    if has("-version") {
        println!("{}", version(has("-ks32")));
        return;
    }
    let (client, server) = generate_keys(config(has("-ks32")));
    set_server_key(server.clone());
    rayon::broadcast(|_| set_server_key(server.clone()));

    let mut rows = bootstrap::rows(&client, server);
    rows.extend(operations::rows(&client));
    if has("-list") {
        rows.iter().for_each(|r| println!("{}", r.name));
        return;
    }
    for name in stdin().lock().lines().map_while(Result::ok) {
        answer(&rows, name.trim());
    }
}

fn answer(rows: &[Row], name: &str) {
    match rows.iter().find(|r| r.name == name) {
        None => eprintln!("no row {name:?}"),
        Some(row) => {
            let value = (row.measure)();
            println!(r#"{{"name": "{name}", "value": {value}, "unit": "{}"}}"#, row.unit);
            stdout().flush().expect("write to standard output");
        }
    }
}
