import { type AddressLike, getAddress, getBytes, isAddress } from "ethers";
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

  addBool = (value: boolean | number | bigint): this => this.add(FhevmType.ebool, BigInt(value));
  add8 = (value: number | bigint): this => this.add(FhevmType.euint8, BigInt(value));
  add16 = (value: number | bigint): this => this.add(FhevmType.euint16, BigInt(value));
  add32 = (value: number | bigint): this => this.add(FhevmType.euint32, BigInt(value));
  add64 = (value: number | bigint): this => this.add(FhevmType.euint64, BigInt(value));
  add128 = (value: number | bigint): this => this.add(FhevmType.euint128, BigInt(value));
  add256 = (value: number | bigint): this => this.add(FhevmType.euint256, BigInt(value));
  addInt8 = (value: number | bigint): this => this.add(FhevmType.eint8, BigInt(value));
  addInt16 = (value: number | bigint): this => this.add(FhevmType.eint16, BigInt(value));
  addInt32 = (value: number | bigint): this => this.add(FhevmType.eint32, BigInt(value));
  addInt64 = (value: number | bigint): this => this.add(FhevmType.eint64, BigInt(value));
  addInt128 = (value: number | bigint): this => this.add(FhevmType.eint128, BigInt(value));
  addInt256 = (value: number | bigint): this => this.add(FhevmType.eint256, BigInt(value));
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
    throw new FhevmError(`${problem} Expecting a valid string address. Got '${String(value)}' instead.`);
  }
  return getAddress(value);
}
