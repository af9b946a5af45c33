//! Programmable bootstraps with and without their key switch.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::*;
use tfhe::shortint;
use tfhe::shortint::atomic_pattern::AtomicPatternServerKey;
use tfhe::shortint::server_key::{LookupTableOwned, ShortintBootstrappingKey};
use tfhe::{ClientKey, ServerKey};

use crate::{Row, median_ms};

/// The size of a batch.
const BATCH: usize = 64;

struct Key {
    server: shortint::ServerKey,
    lut: LookupTableOwned,
    blocks: Vec<shortint::Ciphertext>,
}

/// Rows on single blocks. server is given up for its parts.
pub fn rows(client: &ClientKey, server: ServerKey) -> Vec<Row> {
    let server = server.into_raw_parts().0.into_raw_parts();
    let lut = server.generate_lookup_table(|x| x);
    let client: &shortint::ClientKey = client.as_ref().as_ref();
    let blocks = (0..BATCH as u64).map(|m| client.encrypt(m % 4)).collect();
    let key: &'static Key = Box::leak(Box::new(Key { server, lut, blocks }));
    let mut rows = vec![
        Row::new("bootstrap latency, one thread".into(), "ms", || {
            median_ms(|| key.server.apply_lookup_table(&key.blocks[0], &key.lut))
        }),
        Row::new(format!("bootstrap batch of {BATCH}, per core"), "ms", || per_core(|| key.batch())),
    ];
    if let AtomicPatternServerKey::Standard(pattern) = &key.server.atomic_pattern
        && let ShortintBootstrappingKey::Classic { bsk, .. } = &pattern.bootstrapping_key
    {
        let core: &'static Core = Box::leak(Box::new(Core::new(key, &pattern.key_switching_key, bsk)));
        rows.push(Row::new("blind rotation latency, one thread".into(), "ms", || median_ms(|| core.blind_rotate())));
        rows.push(Row::new(format!("bootstrap batch of {BATCH} by the batch interface, per core"), "ms", || {
            per_core(|| core.batch())
        }));
    }
    rows
}

/// The time of one bootstrap of a batch on one core while all are busy.
fn per_core<T>(f: impl Fn() -> T) -> f64 {
    median_ms(f) * rayon::current_num_threads() as f64 / BATCH as f64
}

impl Key {
    fn batch(&self) -> Vec<shortint::Ciphertext> {
        self.blocks.par_iter().map(|b| self.server.apply_lookup_table(b, &self.lut)).collect()
    }
}

/// The layer below blocks, whose batches walk the bootstrapping key once; the
/// integer layer makes no use of them.
struct Core {
    key: &'static Key,
    switching: &'static LweKeyswitchKeyOwned<u64>,
    rotation: &'static FourierLweBootstrapKeyOwned,
    switched: LweCiphertextOwned<u64>,
    fft: Fft,
}

impl Core {
    fn new(
        key: &'static Key,
        switching: &'static LweKeyswitchKeyOwned<u64>,
        rotation: &'static FourierLweBootstrapKeyOwned,
    ) -> Core {
        let modulus = switching.ciphertext_modulus();
        let mut switched = LweCiphertext::new(0, switching.output_lwe_size(), modulus);
        keyswitch_lwe_ciphertext(switching, &key.blocks[0].ct, &mut switched);
        let fft = Fft::new(rotation.polynomial_size());
        Core { key, switching, rotation, switched, fft }
    }

    fn blind_rotate(&self) -> LweCiphertextOwned<u64> {
        let size = self.rotation.output_lwe_dimension().to_lwe_size();
        let mut out = LweCiphertext::new(0, size, self.switched.ciphertext_modulus());
        programmable_bootstrap_lwe_ciphertext(&self.switched, &mut out, &self.key.lut.acc, self.rotation);
        out
    }

    fn batch(&self) {
        let share = BATCH.div_ceil(rayon::current_num_threads());
        self.key.blocks.par_chunks(share).for_each(|blocks| self.batch_on_one_core(blocks));
    }

    fn batch_on_one_core(&self, blocks: &[shortint::Ciphertext]) {
        let modulus = self.switched.ciphertext_modulus();
        let count = LweCiphertextCount(blocks.len());
        let mut switched = LweCiphertextList::new(0, self.switching.output_lwe_size(), count, modulus);
        for (mut to, from) in switched.iter_mut().zip(blocks) {
            keyswitch_lwe_ciphertext(self.switching, &from.ct, &mut to);
        }
        let size = self.rotation.output_lwe_dimension().to_lwe_size();
        let mut out = LweCiphertextList::new(0, size, count, modulus);
        let luts = self.luts(blocks.len());
        let fft = self.fft.as_view();
        let mut buffers = ComputationBuffers::new();
        buffers.resize(
            batch_programmable_bootstrap_lwe_ciphertext_mem_optimized_requirement::<u64>(
                self.rotation.glwe_size(),
                self.rotation.polynomial_size(),
                CiphertextCount(blocks.len()),
                fft,
            )
            .unaligned_bytes_required(),
        );
        batch_programmable_bootstrap_lwe_ciphertext_mem_optimized(
            &switched,
            &mut out,
            &luts,
            self.rotation,
            fft,
            buffers.stack(),
        );
    }

    /// A list of n look-up tables.
    fn luts(&self, n: usize) -> GlweCiphertextListOwned<u64> {
        let acc = &self.key.lut.acc;
        let words = acc.as_ref().repeat(n);
        GlweCiphertextList::from_container(words, acc.glwe_size(), acc.polynomial_size(), acc.ciphertext_modulus())
    }
}
