import { type BigNumberish, type BytesLike, ZeroHash, getAddress, getBytes, hexlify, isBytesLike, toBeHex } from "ethers";
import { FhevmError } from "./errors";
import { type ClearValue, FhevmType, type TypeRow, typeRow } from "./types";

/** A handle of 32 bytes in lower-case hexadecimal. */
export type Handle = `0x${string}`;

export function parseHandle(value: BytesLike): Handle {
  expectAwaited(value);
  if (!isBytesLike(value)) throw new FhevmError(`handle '${String(value)}' is not 32 bytes in hexadecimal`);
  const handle = hexlify(value) as Handle;
  if (handle.length !== 66) throw new FhevmError(`handle ${handle} has ${handle.length / 2 - 1} bytes, want 32`);
  if (handle === ZeroHash) throw new FhevmError("Handle is not initialized");
  return handle;
}

export function handleOfNumber(value: BigNumberish): Handle {
  expectAwaited(value);
  return parseHandle(toBeHex(value, 32));
}

/** Contracts return handles as promises, and tests are not always type-checked. */
function expectAwaited(value: unknown): void {
  if (value instanceof Promise) throw new FhevmError("handle is a promise: await it");
}

export const typeOf = (handle: Handle): TypeRow => typeRow(getBytes(handle)[30]!);

/** Throws unless the handle is of the wanted type. */
export function expectType(handle: Handle, want: FhevmType): void {
  const { type } = typeOf(handle);
  if (type !== want) {
    throw new FhevmError(`Type mismatch for handle '${handle}': expected '${FhevmType[want]}', but got '${FhevmType[type]}' instead.`);
  }
}

/** The value of a decrypted word, which is zero-extended, in the type of its handle. */
export function clearValue(handle: Handle, word: bigint): ClearValue {
  const { type, bits, signed } = typeOf(handle);
  if (type === FhevmType.ebool) return word === 1n;
  if (type === FhevmType.eaddress) return getAddress(toBeHex(word, 20)) as `0x${string}`;
  return signed ? BigInt.asIntN(bits, word) : word;
}
