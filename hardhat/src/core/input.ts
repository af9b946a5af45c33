import { type AddressLike, getAddress, getBytes, isAddress, isAddressable } from "ethers";
import { FhevmError } from "./errors";
import { FhevmType, type TypeRow, typeRow } from "./types";

/** What a contract takes as arguments: a handle for each value, and the proof for all of them. */
export interface EncryptedValues {
  handles: Uint8Array[];
  inputProof: Uint8Array;
}

type Encrypt = (values: { type: string; value: string }[]) => Promise<{ handles: string[]; inputProof: string }>;

/** Values that one user encrypts for one contract. They are encrypted together, 2048 bits at most. */
export class EncryptedInput {
  private readonly values: { row: TypeRow; value: bigint }[] = [];

  constructor(
    readonly contractAddress: string,
    readonly userAddress: string,
    private readonly encryptAll: Encrypt,
  ) {}

  addBool = (value: boolean | number | bigint): this => this.add(FhevmType.ebool, toInteger("addBool", value));
  add8 = (value: number | bigint): this => this.add(FhevmType.euint8, toInteger("add8", value));
  add16 = (value: number | bigint): this => this.add(FhevmType.euint16, toInteger("add16", value));
  add32 = (value: number | bigint): this => this.add(FhevmType.euint32, toInteger("add32", value));
  add64 = (value: number | bigint): this => this.add(FhevmType.euint64, toInteger("add64", value));
  add128 = (value: number | bigint): this => this.add(FhevmType.euint128, toInteger("add128", value));
  add256 = (value: number | bigint): this => this.add(FhevmType.euint256, toInteger("add256", value));
  addInt8 = (value: number | bigint): this => this.add(FhevmType.eint8, toInteger("addInt8", value));
  addInt16 = (value: number | bigint): this => this.add(FhevmType.eint16, toInteger("addInt16", value));
  addInt32 = (value: number | bigint): this => this.add(FhevmType.eint32, toInteger("addInt32", value));
  addInt64 = (value: number | bigint): this => this.add(FhevmType.eint64, toInteger("addInt64", value));
  addInt128 = (value: number | bigint): this => this.add(FhevmType.eint128, toInteger("addInt128", value));
  addInt256 = (value: number | bigint): this => this.add(FhevmType.eint256, toInteger("addInt256", value));
  addAddress = (value: string): this => this.add(FhevmType.eaddress, BigInt(checkAddress("addAddress", "value", value)));

  /** The widths of the values so far, in bits; that of a bool is 2, as is established. */
  getBits(): number[] {
    return this.values.map(({ row }) => Math.max(2, row.bits));
  }

  /** Encrypts the values to the network's key. The handles are in the order of the values. */
  async encrypt(): Promise<EncryptedValues> {
    const values = this.values.map(({ row, value }) => ({ type: row.name, value: value.toString() }));
    const { handles, inputProof } = await this.encryptAll(values);
    return { handles: handles.map((h) => getBytes(h)), inputProof: getBytes(inputProof) };
  }

  private add(type: FhevmType, value: bigint): this {
    const row = typeRow(type);
    const low = row.signed ? -(1n << BigInt(row.bits - 1)) : 0n;
    const high = low + (1n << BigInt(row.bits)) - 1n;
    if (value < low || value > high) throw new FhevmError(`${value} does not fit ${row.name}, which goes from ${low} to ${high}`);
    this.values.push({ row, value });
    return this;
  }
}

/** The address with its checksum, or an error that names the argument. */
export function checkAddress(method: string, argument: string, value: AddressLike): string {
  if (typeof value !== "string" || !isAddress(value)) {
    const problem = `${method}: the '${argument}' argument is not a valid address.`;
    throw new FhevmError(`${problem} Expecting a valid string address. Got '${String(value)}' instead${addressOf(value)}`);
  }
  return getAddress(value);
}

/** How the address is got out of what was passed for it. */
function addressOf(value: unknown): string {
  if (value instanceof Promise) return ": await it";
  return isAddressable(value) ? ": pass the address: await contract.getAddress()" : ".";
}

function toInteger(method: string, value: boolean | number | bigint): bigint {
  try {
    return BigInt(value);
  } catch {
    throw new FhevmError(`${method}: the 'value' argument is not an integer. Got '${String(value)}' instead.`);
  }
}
