import { FhevmError } from "./errors";

/** The encrypted types of Solidity. The numbers stand in byte 30 of every handle. */
export enum FhevmType {
  ebool = 0,
  euint4 = 1,
  euint8 = 2,
  euint16 = 3,
  euint32 = 4,
  euint64 = 5,
  euint128 = 6,
  eaddress = 7,
  euint256 = 8,
  eint8 = 20,
  eint16 = 24,
  eint32 = 25,
  eint64 = 26,
  eint128 = 27,
  eint256 = 29,
}

/** The types whose values are integers. */
export type FhevmTypeEuint = Exclude<FhevmType, FhevmType.ebool | FhevmType.eaddress>;

/** A value in the clear: of an ebool, of an eaddress (with checksum), or of an integer. */
export type ClearValue = boolean | `0x${string}` | bigint;

/** What the wallet core calls a type, and how wide it is. */
export interface TypeRow {
  readonly type: FhevmType;
  readonly name: string;
  readonly bits: number;
  readonly signed: boolean;
}

const row = (type: FhevmType, name: string, bits: number): TypeRow => ({ type, name, bits, signed: name.startsWith("int") });

const rows: readonly TypeRow[] = [
  row(FhevmType.ebool, "bool", 1),
  row(FhevmType.euint8, "uint8", 8),
  row(FhevmType.euint16, "uint16", 16),
  row(FhevmType.euint32, "uint32", 32),
  row(FhevmType.euint64, "uint64", 64),
  row(FhevmType.euint128, "uint128", 128),
  row(FhevmType.eaddress, "address", 160),
  row(FhevmType.euint256, "uint256", 256),
  row(FhevmType.eint8, "int8", 8),
  row(FhevmType.eint16, "int16", 16),
  row(FhevmType.eint32, "int32", 32),
  row(FhevmType.eint64, "int64", 64),
  row(FhevmType.eint128, "int128", 128),
  row(FhevmType.eint256, "int256", 256),
];

/** The row of a type's number; throws for a number that is none. */
export function typeRow(type: number): TypeRow {
  const found = rows.find((r) => r.type === type);
  if (!found) throw new FhevmError(`${FhevmType[type] ?? `type ${type}`} is not an encrypted type of this network`);
  return found;
}

export const isInteger = (type: FhevmType): type is FhevmTypeEuint => type !== FhevmType.ebool && type !== FhevmType.eaddress;
