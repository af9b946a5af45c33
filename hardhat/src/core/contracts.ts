import { readFileSync } from "node:fs";
import path from "node:path";
import { Interface, type InterfaceAbi, getAddress } from "ethers";
import { FhevmError } from "./errors";
import type { Handle } from "./handle";
import type { Request } from "./rpc";
import type { Parameters } from "./wallet";

/** The system contracts by their established names. */
export type FhevmContractName = "ACL" | "FHEVMExecutor" | "InputVerifier" | "KMSVerifier" | "HCULimit";

/** Which of this network's contracts plays the part of each. What several of them refuse is the first one's. */
const sources: Record<FhevmContractName, string> = {
  FHEVMExecutor: "FHEVMExecutor",
  ACL: "ACL",
  InputVerifier: "InputVerifier",
  KMSVerifier: "DecryptionVerifier",
  HCULimit: "FHEVMExecutor",
};

export const contractNames = Object.keys(sources) as FhevmContractName[];

const interfaces = new Map<FhevmContractName, Interface>();

export function contractInterface(name: FhevmContractName): Interface {
  const known = interfaces.get(name);
  if (known) return known;
  const abis = JSON.parse(readFileSync(path.join(__dirname, "../interfaces.json"), "utf8")) as Record<string, InterfaceAbi>;
  const abi = abis[sources[name]];
  if (!abi) throw new FhevmError(`${String(name)} is no system contract: take one of ${contractNames.join(", ")}`);
  interfaces.set(name, Interface.from(abi));
  return interfaces.get(name)!;
}

/** Addresses of the system contracts, as a contract that uses the library keeps them. */
export interface CoprocessorConfig {
  ACLAddress: `0x${string}`;
  CoprocessorAddress: `0x${string}`;
  KMSVerifierAddress: `0x${string}`;
}

/** The first of the three storage slots that hold a CoprocessorConfig (SPEC 10, addresses). */
const configSlot = 0x9e7b61f58c47dc699ac88507c4f5bb9f121c03808c5676a8078fe583e4649700n;

export async function readConfig(request: Request, contract: string): Promise<CoprocessorConfig> {
  const read = async (offset: bigint): Promise<`0x${string}`> => {
    const slot = `0x${(configSlot + offset).toString(16)}`;
    const word = (await request({ method: "eth_getStorageAt", params: [contract, slot, "latest"] })) as string;
    return getAddress(`0x${word.slice(-40)}`) as `0x${string}`;
  };
  const [ACLAddress, CoprocessorAddress, KMSVerifierAddress] = await Promise.all([read(0n), read(1n), read(2n)]);
  return { ACLAddress, CoprocessorAddress, KMSVerifierAddress };
}

/** What the access-control list says about handles. */
export class Rights {
  private readonly acl = contractInterface("ACL");

  constructor(
    private readonly request: Request,
    private readonly parameters: Parameters,
  ) {}

  /** Throws, in the established words, unless a user may decrypt a handle of a contract. */
  async expectUser(handle: Handle, user: string, contract: string): Promise<void> {
    if (user === contract) {
      throw new FhevmError(`userAddress ${user} should not be equal to contractAddress when requesting user decryption!`);
    }
    if (!(await this.view("persistAllowed", handle, user))) {
      throw new FhevmError(
        `User ${user} is not authorized to user decrypt handle ${handle}! The contract has to call FHE.allow(handle, user).`,
      );
    }
    if (!(await this.view("persistAllowed", handle, contract))) {
      throw new FhevmError(
        `dapp contract ${contract} is not authorized to user decrypt handle ${handle}! It has to call FHE.allowThis(handle).`,
      );
    }
  }

  /** Throws, in the established words, unless a delegate may decrypt a handle of a contract for a delegator. */
  async expectDelegate(handle: Handle, delegator: string, delegate: string, contract: string): Promise<void> {
    if (!(await this.view("isHandleDelegatedForUserDecryption", delegator, delegate, contract, handle))) {
      const advice = "The delegator has to hold a right on it and call delegateForUserDecryption(delegate, contract, date) of the ACL.";
      throw new FhevmError(`Delegate ${delegate} is not authorized to user decrypt handle ${handle} on behalf of ${delegator}! ${advice}`);
    }
  }

  /** Throws, in the established words, unless everyone may decrypt a handle. */
  async expectPublic(handle: Handle): Promise<void> {
    if (!(await this.view("isAllowedForDecryption", handle))) {
      throw new FhevmError(
        `Handle ${handle} is not allowed for public decryption! The contract has to call FHE.makePubliclyDecryptable(handle).`,
      );
    }
  }

  private async view(method: string, ...args: string[]): Promise<boolean> {
    const data = this.acl.encodeFunctionData(method, args);
    const call = { to: this.parameters.contracts.acl, data };
    const output = (await this.request({ method: "eth_call", params: [call, "latest"] })) as string;
    return this.acl.decodeFunctionResult(method, output)[0] as boolean;
  }
}
