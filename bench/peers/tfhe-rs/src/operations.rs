//! Operations on encrypted integers: how long one lone operation takes on all
//! cores, and how many a second they sustain together.

use std::hint::black_box;
use std::time::Instant;

use rayon::prelude::*;
use tfhe::prelude::*;
use tfhe::{
    ClientKey, CompressedCiphertextList, CompressedCiphertextListBuilder, FheBool, FheInt8, FheInt16, FheInt64,
    FheUint8, FheUint8Id, FheUint16, FheUint32, FheUint64, FheUint128, FheUint256, MatchValues, RangeForRandom, Seed,
};

use crate::{Row, median_ms};

type Operation = Box<dyn Fn() + Sync>;

struct Operations(Vec<(String, usize, Operation)>);

/// How many operations run together in a measurement of the throughput; of
/// those that take long; and for those that take minutes and that others stand
/// for.
const TOGETHER: usize = 4;
const TOGETHER_HEAVY: usize = 2;
const ALONE: usize = 1;

/// Adds operations with common operands: name => expression.
macro_rules! add {
    ($list:ident, $together:expr, $type:literal: $($name:literal => $body:expr),* $(,)?) => {
        $($list.0.push((
            concat!($type, " ", $name).into(),
            $together,
            Box::new(move || { black_box($body); }),
        ));)*
    };
}

/// Adds the operations that are sampled on other widths than 64 bits.
macro_rules! add_sampled {
    ($list:ident, $client:ident, $type:literal, $Type:ty, $clear:ty) => {{
        let (a, b) = (leak(<$Type>::encrypt(A as $clear, $client)), leak(<$Type>::encrypt(B as $clear, $client)));
        let c = leak(FheBool::encrypt(true, $client));
        add!($list, TOGETHER, $type:
            "add" => a + b,
            "lt" => a.lt(b),
            "select" => c.if_then_else(a, b),
        );
        (a, b)
    }};
}

const A: u64 = 0xd1b5_4a32_d192_ed03;
const B: u64 = 0x9e37_79b9_7f4a_7c15;

/// The names of the operations, which fhevm's bench writes from its operator table.
const NAMES: &str = include_str!("../operations.txt");

/// The rows of all operations: those of NAMES, neither more nor fewer.
pub fn rows(client: &ClientKey) -> Vec<Row> {
    let mut list = Operations(Vec::new());
    transfers(&mut list, client);
    uint64(&mut list, client);
    uint64_clear(&mut list, client);
    int64(&mut list, client);
    widths(&mut list, client);
    storage(&mut list, client);
    check(list.0.iter().map(|(name, ..)| name.as_str()).collect());
    list.0.into_iter().flat_map(|(name, together, run)| rows_of(name, together, run)).collect()
}

/// Refuses operations that are not those of NAMES.
fn check(mut have: Vec<&str>) {
    let mut want: Vec<&str> = NAMES.lines().collect();
    have.sort();
    want.sort();
    let missing: Vec<_> = want.iter().filter(|name| !have.contains(name)).collect();
    let unknown: Vec<_> = have.iter().filter(|name| !want.contains(name)).collect();
    assert!(have == want, "operations differ from operations.txt: missing {missing:?}, unknown {unknown:?}");
}

/// The rows of an operation.
fn rows_of(name: String, together: usize, run: Operation) -> Vec<Row> {
    let run: &'static Operation = leak(run);
    let mut rows = vec![Row::new(format!("{name} latency"), "ms", move || median_ms(run))];
    if together != ALONE {
        rows.push(Row::new(format!("{name} throughput"), "op/s", move || {
            let start = Instant::now();
            (0..together).into_par_iter().with_max_len(1).for_each(|_| run());
            together as f64 / start.elapsed().as_secs_f64()
        }));
    }
    rows
}

/// Operands live as long as the program.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A confidential transfer as contracts write it: move the amount if the
/// balance covers it, else zero. It returns both new balances and what moved.
fn transfer(from: &FheUint64, to: &FheUint64, amount: &FheUint64) -> [FheUint64; 3] {
    let zero = FheUint64::encrypt_trivial(0u64);
    let sent = from.ge(amount).if_then_else(amount, &zero);
    let (rest, sum) = rayon::join(|| from - &sent, || to + &sent);
    [rest, sum, sent]
}

/// Transfers whose operands are at hand, and from storage to storage.
fn transfers(list: &mut Operations, client: &ClientKey) {
    let values: &'static [FheUint64; 3] = leak([A, B, B].map(|v| FheUint64::encrypt(v, client)));
    let stored: &'static [CompressedCiphertextList; 3] = leak(values.each_ref().map(pack));
    let run = || {
        let values: Vec<FheUint64> = stored.par_iter().map(unpack).collect();
        let results = transfer(&values[0], &values[1], &values[2]);
        results.par_iter().map(pack).collect::<Vec<_>>()
    };
    add!(list, TOGETHER, "uint64":
        "transfer" => transfer(&values[0], &values[1], &values[2]),
        "transfer with storage" => run(),
    );
}

fn uint64(list: &mut Operations, client: &ClientKey) {
    let [a, b] = [A, B].map(|v| leak(FheUint64::encrypt(v, client)));
    let c = leak(FheBool::encrypt(true, client));
    let zero = leak(FheUint64::encrypt_trivial(0u64));
    let most = leak(FheUint64::encrypt_trivial(u64::MAX));
    let amount = leak(FheUint8::encrypt(B as u8, client));
    let bound = leak(RangeForRandom::new_from_excluded_upper_bound(1_000_000.try_into().expect("not zero")));
    let terms: &'static Vec<FheUint64> = leak((0..8).map(|i| FheUint64::encrypt(A ^ i, client)).collect());
    add!(list, TOGETHER, "uint64":
        "add" => a + b,
        "sub" => a - b,
        "select" => c.if_then_else(a, b),
        "select against zero" => c.if_then_else(a, zero),
        "eq" => a.eq(b),
        "ne" => a.ne(b),
        "ge" => a.ge(b),
        "gt" => a.gt(b),
        "le" => a.le(b),
        "lt" => a.lt(b),
        "min" => a.min(b),
        "max" => a.max(b),
        "and" => a & b,
        "or" => a | b,
        "xor" => a ^ b,
        "not" => !a,
        "neg" => -a,
        "shl" => a << amount,
        "shr" => a >> amount,
        "rotl" => a.rotate_left(amount),
        "rotr" => a.rotate_right(amount),
        "sum of 8" => terms.iter().sum::<FheUint64>(),
        "isIn of 8" => FheUint64::contains(terms, a),
        "leadingZeros" => a.leading_zeros(),
        "trailingZeros" => a.trailing_zeros(),
        "ilog2" => a.ilog2(),
        "countOnes" => a.count_ones(),
        "tryAdd" => a.overflowing_add(b),
        "trySub" => a.overflowing_sub(b),
        "saturatingAdd" => saturating(a.overflowing_add(b), most),
        "saturatingSub" => saturating(a.overflowing_sub(b), zero),
        "rand" => FheUint64::generate_oblivious_pseudo_random(Seed(1)),
        "randBounded" => FheUint64::generate_oblivious_pseudo_random_custom_range(Seed(1), bound, Some(2f64.powi(-64))),
    );
    add!(list, TOGETHER_HEAVY, "uint64":
        "mul" => a * b,
        "tryMul" => a.overflowing_mul(b),
        "div" => a / b,
    );
    add!(list, ALONE, "uint64": "rem" => a % b);
}

/// What the library has no operation for and its users write so: the result, or
/// limit where there was an overflow.
fn saturating((result, overflow): (FheUint64, FheBool), limit: &FheUint64) -> FheUint64 {
    overflow.if_then_else(limit, &result)
}

fn uint64_clear(list: &mut Operations, client: &ClientKey) {
    let a = leak(FheUint64::encrypt(A, client));
    add!(list, TOGETHER, "uint64":
        "add clear" => a + B,
        "sub clear" => a - B,
        "eq clear" => a.eq(B),
        "lt clear" => a.lt(B),
        "min clear" => a.min(B),
        "and clear" => a & B,
        "shl by 5" => a << 5u64,
        "shr by 5" => a >> 5u64,
        "rotl by 5" => a.rotate_left(5u64),
        "rotr by 5" => a.rotate_right(5u64),
    );
    add!(list, TOGETHER_HEAVY, "uint64":
        "mul clear" => a * B,
        "div by 10" => a / 10u64,
        "rem by 10" => a % 10u64,
    );
}

fn int64(list: &mut Operations, client: &ClientKey) {
    let [a, b] = [A, B].map(|v| leak(FheInt64::encrypt(v as i64, client)));
    let amount = leak(FheUint8::encrypt(B as u8, client));
    let narrow = leak(FheInt16::encrypt(A as i16, client));
    add!(list, TOGETHER, "int64":
        "add" => a + b,
        "lt" => a.lt(b),
        "shr" => a >> amount,
        "cast from int16" => FheInt64::cast_from(narrow.clone()),
    );
    let [a, b] = [A, B].map(|v| leak(FheInt8::encrypt(v as i8, client)));
    add!(list, TOGETHER, "int8": "mul" => a * b, "div" => a / b);
}

fn widths(list: &mut Operations, client: &ClientKey) {
    let (a, b) = add_sampled!(list, client, "uint8", FheUint8, u8);
    add!(list, TOGETHER, "uint8": "mul" => a * b, "div" => a / b);
    add!(list, TOGETHER_HEAVY, "uint8": "lookup" => look_up(a), "lookup2" => look_up(&((a & 15u8) | ((b & 15u8) << 4u8))));
    let (a, b) = add_sampled!(list, client, "uint16", FheUint16, u16);
    add!(list, TOGETHER, "uint16": "mul" => a * b);
    let (a, b) = add_sampled!(list, client, "uint32", FheUint32, u32);
    add!(list, TOGETHER_HEAVY, "uint32": "mul" => a * b);
    add_sampled!(list, client, "uint128", FheUint128, u128);
    let [a, b] = [A, B].map(|v| leak(FheUint256::encrypt(v, client)));
    add!(list, TOGETHER_HEAVY, "uint256": "add" => a + b);
}

/// The entry of a table of 256.
fn look_up(index: &FheUint8) -> FheUint8 {
    let table = MatchValues::from_fn_and_range(|x: u8| x.wrapping_mul(37), 0..255);
    index.match_value::<u8, FheUint8Id>(&table).expect("fitting entries").0
}

fn storage(list: &mut Operations, client: &ClientKey) {
    let a = leak(FheUint64::encrypt(A, client));
    let packed = leak(pack(a));
    add!(list, TOGETHER, "uint64": "pack" => pack(a), "unpack" => unpack(packed));
}

/// A value in its packed form.
fn pack(value: &FheUint64) -> CompressedCiphertextList {
    CompressedCiphertextListBuilder::new().push(value.clone()).build().expect("compression key")
}

fn unpack(packed: &CompressedCiphertextList) -> FheUint64 {
    packed.get(0).expect("decompression key").expect("a value")
}
