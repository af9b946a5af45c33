import { readFileSync } from "node:fs";
import path from "node:path";
import { FhevmError } from "./errors";

/** The functions of the wasm wallet core (SPEC 9.6): JSON in, JSON or an Error out. */
interface Core {
  encrypt(request: string, publicKey: Uint8Array): string | Error;
  newTransportKey(): string | Error;
  newPermit(request: string): string | Error;
  newDecryption(request: string): string | Error;
  addReply(id: number, reply: string): string | Error;
  failure(id: number): string | Error;
  openPublic(answer: string): string | Error;
  closeDecryption(id: number): string | Error;
}

interface GoRuntime {
  importObject: object;
  run(instance: object): Promise<void>;
}

/** What Node offers of WebAssembly, which the library "ES2023" does not declare. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => object;
};

const scope = globalThis as unknown as { Go: new () => GoRuntime; fhevm?: unknown };

let core: Core | undefined;

/** The wallet core, loaded on first use. Loading is synchronous: some of the established functions are. */
function walletCore(): Core {
  return (core ??= load(path.join(__dirname, "../wallet")));
}

/** The Go runtime hands over the core in globalThis.fhevm, where Hardhat keeps the environment of a running task. */
function load(folder: string): Core {
  const taken = scope.fhevm;
  try {
    require(path.join(folder, "wasm_exec.js"));
    const go = new scope.Go();
    const module = new WebAssembly.Module(readFileSync(path.join(folder, "fhevm.wasm")));
    void go.run(new WebAssembly.Instance(module, go.importObject));
    return scope.fhevm as Core;
  } finally {
    scope.fhevm = taken;
  }
}

function unwrap<T>(result: string | Error): T {
  if (result instanceof Error) throw new FhevmError(result.message);
  return JSON.parse(result) as T;
}

/** Parameters of a network, as its wallet API states them (SPEC 9.1). */
export interface Parameters {
  network: string;
  chainId: number;
  keyId: `0x${string}`;
  protocolVersion: number;
  /** What a transaction carries of an encrypted input: the list, or an attestation of it. */
  inputs?: "list" | "attested";
  contracts: { acl: string; executor: string; inputVerifier: string; decryptionVerifier: string };
}

/** A public decryption, as DecryptionVerifier takes it. */
export interface PublicResult {
  result: `0x${string}`;
  proof: `0x${string}`;
}

export interface TypedData {
  domain: { name: string; version: string; chainId: number; verifyingContract: string };
  types: Record<string, { name: string; type: string }[]>;
  primaryType: string;
  message: Record<string, unknown>;
}

/** A key to which parties seal their shares. The private key reads what they seal. */
export interface Keypair {
  publicKey: string;
  privateKey: string;
}

/** Contracts and times of a permit, and whose values it is for where they are not the signer's. Times are Unix seconds, inclusive. */
export interface PermitTerms {
  delegator?: string;
  contracts: string[];
  validFrom: number;
  validUntil: number;
}

/** Who asks, in the statement that the user signs. */
const origin = "this Hardhat project";

export function encrypt(
  parameters: Parameters,
  publicKey: Uint8Array,
  binding: { contract: string; user: string },
  values: { type: string; value: string }[],
): { handles: string[]; inputProof: string } {
  return unwrap(walletCore().encrypt(JSON.stringify({ parameters, ...binding, values }), publicKey));
}

export function newKeypair(): Keypair {
  const { publicKey, seed } = unwrap<{ publicKey: string; seed: string }>(walletCore().newTransportKey());
  return { publicKey, privateKey: seed };
}

export function newPermit(parameters: Parameters, publicKey: string, terms: PermitTerms): TypedData {
  return unwrap(walletCore().newPermit(JSON.stringify({ parameters, origin, publicKey, ...terms })));
}

/** The values of a public decryption, which the committee signed: the node that relays it is not believed. */
export function openPublic(parameters: Parameters, handles: string[], { result, proof }: PublicResult): bigint[] {
  const { values } = unwrap<{ values: string[] }>(walletCore().openPublic(JSON.stringify({ parameters, handles, result, proof })));
  return values.map(BigInt);
}

/** Values that the parties' replies to a request open. */
export class Decryption {
  private constructor(
    private readonly id: number,
    /** What is posted, once it is signed. */
    readonly body: Record<string, unknown>,
  ) {}

  static begin(parameters: Parameters, privateKey: string, user: string, handles: string[], terms: PermitTerms): Decryption {
    const request = { parameters, origin, user, handles, seed: privateKey, ...terms };
    const { id, body } = unwrap<{ id: number; body: Record<string, unknown> }>(walletCore().newDecryption(JSON.stringify(request)));
    return new Decryption(id, body);
  }

  /** Takes in a line of the response and returns the values once they are open. */
  add(line: string): bigint[] | undefined {
    const { done, values } = unwrap<{ done: boolean; values?: string[] }>(walletCore().addReply(this.id, line));
    return done ? values!.map(BigInt) : undefined;
  }

  /** Why the replies so far open nothing. */
  failure(): FhevmError {
    return new FhevmError(unwrap<string>(walletCore().failure(this.id)));
  }

  close(): void {
    walletCore().closeDecryption(this.id);
  }
}
