import type { AddressLike, BigNumberish, EventLog, Interface, Log, Signer, TransactionReceipt } from "ethers";
import type { FhevmHandleCoder } from "./coder";
import type { CoprocessorConfig, FhevmContractName } from "./contracts";
import type { EncryptedInput } from "./input";
import type { CoprocessorEvent } from "./operations";
import type { FhevmContractError } from "./reverts";
import type { ClearValue, FhevmTypeEuint } from "./types";
import type { Keypair, TypedData } from "./wallet";

export type FhevmKeypair = Keypair;

/** When a permit is valid: a Unix time in seconds, and a number of days, at most 365. */
export interface FhevmUserDecryptValidity {
  startTimestamp: string | number | bigint;
  durationDays: string | number | bigint;
}

export interface FhevmUserDecryptOptions {
  /** To which the value is sealed; by default one is drawn. */
  keypair?: FhevmKeypair;
  /** By default a day from now. */
  validity?: FhevmUserDecryptValidity;
}

export interface HandleContractPair {
  handle: Uint8Array | string;
  contractAddress: string;
}

/** Values by handle, written as the caller wrote it. */
export type ClearValues = Record<string, ClearValue>;

export interface PublicDecryptResults {
  clearValues: ClearValues;
  /** The values as the contract passes them to FHE.checkSignatures, one word each. */
  abiEncodedClearValues: `0x${string}`;
  /** The committee's signatures. */
  decryptionProof: `0x${string}`;
}

export interface RelayerMetadata {
  version: string;
  chainId: number;
  gatewayChainId: number;
  ACLAddress: string;
  CoprocessorAddress: string;
  KMSVerifierAddress: string;
  InputVerifierAddress: string;
  relayerSignerAddress: string;
}

/** What `hre.fhevm` offers. Functions that decrypt first wait for the value to be computed. */
export interface HardhatFhevmRuntimeEnvironment {
  /** Always false: the cryptography is real. */
  readonly isMock: boolean;
  readonly debugger: HardhatFhevmRuntimeDebugger;
  /** Connects to the network. Tests need not call it; scripts do before createEIP712. */
  initializeCLIApi(): Promise<void>;

  /** Begins a list of values that `userAddress` encrypts for a contract. */
  createEncryptedInput(contractAddress: string, userAddress: string): EncryptedInput;

  userDecryptEbool(handle: string, contract: AddressLike, user: Signer, options?: FhevmUserDecryptOptions): Promise<boolean>;
  userDecryptEuint(
    type: FhevmTypeEuint,
    handle: string,
    contract: AddressLike,
    user: Signer,
    options?: FhevmUserDecryptOptions,
  ): Promise<bigint>;
  userDecryptEaddress(handle: string, contract: AddressLike, user: Signer, options?: FhevmUserDecryptOptions): Promise<string>;
  publicDecryptEbool(handle: string): Promise<boolean>;
  publicDecryptEuint(type: FhevmTypeEuint, handle: string): Promise<bigint>;
  publicDecryptEaddress(handle: string): Promise<string>;

  /** Opens values to a user who signed what createEIP712 returned for the same contracts and times. */
  userDecrypt(
    handles: HandleContractPair[],
    privateKey: string,
    publicKey: string,
    signature: string,
    contractAddresses: string[],
    userAddress: string,
    startTimestamp: string | number,
    durationDays: string | number,
  ): Promise<ClearValues>;
  publicDecrypt(handles: (string | Uint8Array)[]): Promise<PublicDecryptResults>;
  generateKeypair(): FhevmKeypair;
  /** What the user signs: `user.signTypedData(e.domain, e.types, e.message)`. */
  createEIP712(publicKey: string, contractAddresses: string[], startTimestamp: string | number, durationDays: string | number): TypedData;

  /** Opens values of a delegator to a delegate who signed what createDelegatedUserDecryptEIP712 returned for the same contracts and times. */
  delegatedUserDecrypt(
    handles: HandleContractPair[],
    privateKey: string,
    publicKey: string,
    signature: string,
    contractAddresses: string[],
    delegatorAddress: string,
    delegateAddress: string,
    startTimestamp: number,
    durationDays: number,
  ): Promise<ClearValues>;
  /** What the delegate signs: `delegate.signTypedData(e.domain, e.types, e.message)`. */
  createDelegatedUserDecryptEIP712(
    publicKey: string,
    contractAddresses: string[],
    delegatorAddress: string,
    startTimestamp: number,
    durationDays: number,
  ): TypedData;

  /** Throws unless the contract names this network's system contracts. */
  assertCoprocessorInitialized(contract: AddressLike, contractName?: string): Promise<void>;
  getCoprocessorConfig(contractAddress: string): Promise<CoprocessorConfig>;
  getRelayerMetadata(): Promise<RelayerMetadata>;
  parseCoprocessorEvents(logs: (EventLog | Log)[] | null | undefined): CoprocessorEvent[];
  /** This network prices operations in gas alone: throws. */
  computeTransactionHCU(receipt: TransactionReceipt): never;
  revertedWithCustomErrorArgs(contractName: FhevmContractName, customErrorName: string): [{ interface: Interface }, string];
  tryParseFhevmError(e: unknown, options?: { out?: "stderr" | "stdout" | "console" }): Promise<FhevmContractError | undefined>;
}

/** For development networks: reads values without anybody's permission. */
export interface HardhatFhevmRuntimeDebugger {
  decryptEbool(handle: BigNumberish): Promise<boolean>;
  decryptEuint(type: FhevmTypeEuint, handle: BigNumberish): Promise<bigint>;
  decryptEaddress(handle: BigNumberish): Promise<`0x${string}`>;
  createHandleCoder(): FhevmHandleCoder;
  /** The committee's signatures of public values. They must be the true ones: it signs no others. */
  createDecryptionSignatures(handles: string[], values: (bigint | string | boolean)[]): Promise<string[]>;
}
