import { type BigNumberish, concat, toBeHex, toUtf8Bytes, keccak256 } from "ethers";
import { parseHandle, typeOf } from "./handle";
import { formHandle } from "./operations";
import { FhevmType } from "./types";
import type { Parameters } from "./wallet";

/** What a handle depends on beside its operands (SPEC 2.3). */
export interface DerivationOptions {
  /** The executor's counter when it orders the operation. */
  salt?: BigNumberish;
  /** Whether each operand was made in the same transaction. */
  made?: [lhs: boolean, rhs: boolean];
}

const computed = 0xff;
const compares = [12, 13, 14, 15, 16, 17];

/** Derives the handles of operations with two operands, as the executor does. */
export class FhevmHandleCoder {
  constructor(private readonly parameters: Parameters) {}

  fheAdd = this.binary(0);
  fheSub = this.binary(1);
  fheMul = this.binary(2);
  fheDiv = this.binary(3);
  fheRem = this.binary(4);
  fheBitAnd = this.binary(5);
  fheBitOr = this.binary(6);
  fheBitXor = this.binary(7);
  fheShl = this.binary(8);
  fheShr = this.binary(9);
  fheRotl = this.binary(10);
  fheRotr = this.binary(11);
  fheEq = this.binary(12);
  fheNe = this.binary(13);
  fheGe = this.binary(14);
  fheGt = this.binary(15);
  fheLe = this.binary(16);
  fheLt = this.binary(17);
  fheMin = this.binary(18);
  fheMax = this.binary(19);

  private binary(op: number) {
    return (lhs: string, rhs: string, scalar: boolean, { salt = 0, made = [false, false] }: DerivationOptions = {}): string => {
      const { chainId, keyId, protocolVersion, contracts } = this.parameters;
      const { type } = typeOf(parseHandle(lhs));
      const chain = toBeHex(chainId, 8);
      const kinds = concat([toBeHex(Number(made[0]), 1), toBeHex(scalar ? 2 : Number(made[1]), 1)]);
      const digest = keccak256(
        concat([
          toUtf8Bytes("fhevm operation"),
          chain,
          contracts.acl,
          keyId,
          toBeHex(protocolVersion, 1),
          toBeHex(op, 1),
          toBeHex(type, 1),
          toBeHex(salt, 32),
          "0x02",
          kinds,
          lhs,
          toBeHex(rhs, 32),
        ]),
      );
      return formHandle(digest, computed, chain, compares.includes(op) ? FhevmType.ebool : type, protocolVersion);
    };
  }
}
