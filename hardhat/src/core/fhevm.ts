import { type AddressLike, type EventLog, type Log, type Signer, ZeroAddress, getAddress, hexlify, resolveAddress } from "ethers";
import { type CoprocessorConfig, type FhevmContractName, type Rights, readConfig } from "./contracts";
import { FhevmDebugger } from "./debugger";
import type {
  ClearValues,
  FhevmUserDecryptOptions,
  HandleContractPair,
  HardhatFhevmRuntimeDebugger,
  HardhatFhevmRuntimeEnvironment,
  PublicDecryptResults,
  RelayerMetadata,
} from "./environment";
import { FhevmError } from "./errors";
import { type Handle, clearValue, expectType, parseHandle } from "./handle";
import { EncryptedInput, checkAddress } from "./input";
import { type Connection, Network } from "./network";
import { type CoprocessorEvent, parseEvents } from "./operations";
import { type FhevmContractError, customError, parseRevert } from "./reverts";
import { type ClearValue, FhevmType, type FhevmTypeEuint } from "./types";
import { type Keypair, type Parameters, type PermitTerms, type TypedData, encrypt, newKeypair, newPermit, openPublic } from "./wallet";

const day = 24 * 60 * 60;

/** What a user signed. */
interface SignedPermit {
  user: string;
  signature: string;
  terms: PermitTerms;
}

type Expect = (rights: Rights, handle: Handle, contract: string) => Promise<void>;

/** The established environment over a network that the host connects on first use. */
export class Fhevm implements HardhatFhevmRuntimeEnvironment {
  readonly isMock = false;
  readonly debugger: HardhatFhevmRuntimeDebugger = new FhevmDebugger(
    () => this.network(),
    () => this.parameters(),
  );

  private connecting?: Promise<Network>;
  private connected?: Network;

  constructor(private readonly connect: () => Promise<Connection>) {}

  async initializeCLIApi(): Promise<void> {
    await this.network();
  }

  createEncryptedInput(contractAddress: string, userAddress: string): EncryptedInput {
    const binding = {
      contract: checkAddress("createEncryptedInput", "contractAddress", contractAddress),
      user: checkAddress("createEncryptedInput", "userAddress", userAddress),
    };
    return new EncryptedInput(binding.contract, binding.user, async (values) => {
      const { api } = await this.network();
      const { handles, inputProof } = encrypt(api.parameters, api.publicKey, binding, values);
      return { handles, inputProof: await api.inputProof(inputProof) };
    });
  }

  async userDecryptEbool(handle: string, contract: AddressLike, user: Signer, options?: FhevmUserDecryptOptions): Promise<boolean> {
    return (await this.userDecryptOne(FhevmType.ebool, handle, contract, user, options)) as boolean;
  }

  async userDecryptEuint(
    type: FhevmTypeEuint,
    handle: string,
    contract: AddressLike,
    user: Signer,
    options?: FhevmUserDecryptOptions,
  ): Promise<bigint> {
    return (await this.userDecryptOne(type, handle, contract, user, options)) as bigint;
  }

  async userDecryptEaddress(handle: string, contract: AddressLike, user: Signer, options?: FhevmUserDecryptOptions): Promise<string> {
    return (await this.userDecryptOne(FhevmType.eaddress, handle, contract, user, options)) as string;
  }

  async publicDecryptEbool(handle: string): Promise<boolean> {
    return (await this.publicDecryptOne(FhevmType.ebool, handle)) as boolean;
  }

  async publicDecryptEuint(type: FhevmTypeEuint, handle: string): Promise<bigint> {
    return (await this.publicDecryptOne(type, handle)) as bigint;
  }

  async publicDecryptEaddress(handle: string): Promise<string> {
    return (await this.publicDecryptOne(FhevmType.eaddress, handle)) as string;
  }

  async userDecrypt(
    pairs: HandleContractPair[],
    privateKey: string,
    _publicKey: string,
    signature: string,
    contractAddresses: string[],
    userAddress: string,
    startTimestamp: string | number,
    durationDays: string | number,
  ): Promise<ClearValues> {
    const user = checkAddress("userDecrypt", "userAddress", userAddress);
    const permit = { user, signature, terms: terms(contractAddresses, startTimestamp, durationDays) };
    return this.open(pairs, privateKey, permit, (rights, handle, contract) => rights.expectUser(handle, user, contract));
  }

  async delegatedUserDecrypt(
    pairs: HandleContractPair[],
    privateKey: string,
    _publicKey: string,
    signature: string,
    contractAddresses: string[],
    delegatorAddress: string,
    delegateAddress: string,
    startTimestamp: number,
    durationDays: number,
  ): Promise<ClearValues> {
    const delegator = checkAddress("delegatedUserDecrypt", "delegatorAddress", delegatorAddress);
    const user = checkAddress("delegatedUserDecrypt", "delegateAddress", delegateAddress);
    const permit = { user, signature, terms: { delegator, ...terms(contractAddresses, startTimestamp, durationDays) } };
    return this.open(pairs, privateKey, permit, (rights, handle, contract) => rights.expectDelegate(handle, delegator, user, contract));
  }

  async publicDecrypt(list: (string | Uint8Array)[]): Promise<PublicDecryptResults> {
    const handles = list.map((h) => parseHandle(h));
    const network = await this.network();
    await Promise.all(handles.map((h) => network.rights.expectPublic(h)));
    await network.computed(handles);
    const answer = await network.api.publicDecrypt(handles);
    const values = openPublic(network.api.parameters, handles, answer);
    const entries = list.map((h, i): [string, ClearValue] => [written(h), clearValue(handles[i]!, values[i]!)]);
    return { clearValues: Object.fromEntries(entries), abiEncodedClearValues: answer.result, decryptionProof: answer.proof };
  }

  generateKeypair(): Keypair {
    return newKeypair();
  }

  createEIP712(publicKey: string, contractAddresses: string[], startTimestamp: string | number, durationDays: string | number): TypedData {
    return this.permit(publicKey, terms(contractAddresses, startTimestamp, durationDays), "UserDecryptRequestVerification");
  }

  createDelegatedUserDecryptEIP712(
    publicKey: string,
    contractAddresses: string[],
    delegatorAddress: string,
    startTimestamp: number,
    durationDays: number,
  ): TypedData {
    const delegator = checkAddress("createDelegatedUserDecryptEIP712", "delegatorAddress", delegatorAddress);
    const reading = { delegator, ...terms(contractAddresses, startTimestamp, durationDays) };
    return this.permit(publicKey, reading, "DelegatedUserDecryptRequestVerification");
  }

  async assertCoprocessorInitialized(contract: AddressLike, contractName?: string): Promise<void> {
    const address = await resolveAddress(contract);
    const config = await this.getCoprocessorConfig(address);
    const who = contractName ? `Contract ${contractName} at ${address}` : `Contract at ${address}`;
    if (config.CoprocessorAddress === ZeroAddress) {
      const advice = "Make sure it inherits ZamaEthereumConfig or FHEVMConfig, or calls FHE.setCoprocessor() in its constructor.";
      throw new FhevmError(`${who} is not initialized for FHE operations. ${advice}`);
    }
    const network = await this.getRelayerMetadata();
    for (const key of ["ACLAddress", "CoprocessorAddress", "KMSVerifierAddress"] as const) {
      if (config[key] !== network[key]) throw new FhevmError(`${who} has ${key} ${config[key]}, this network's is ${network[key]}`);
    }
  }

  async getCoprocessorConfig(contractAddress: string): Promise<CoprocessorConfig> {
    return readConfig((await this.network()).request, checkAddress("getCoprocessorConfig", "contractAddress", contractAddress));
  }

  async getRelayerMetadata(): Promise<RelayerMetadata> {
    const { chainId, protocolVersion, contracts } = (await this.network()).parameters;
    return {
      version: String(protocolVersion),
      chainId,
      gatewayChainId: chainId,
      ACLAddress: getAddress(contracts.acl),
      CoprocessorAddress: getAddress(contracts.executor),
      KMSVerifierAddress: getAddress(contracts.decryptionVerifier),
      InputVerifierAddress: getAddress(contracts.inputVerifier),
      relayerSignerAddress: ZeroAddress, // input lists need nobody's signature here
    };
  }

  parseCoprocessorEvents(logs: (EventLog | Log)[] | null | undefined): CoprocessorEvent[] {
    return parseEvents(this.parameters(), logs ?? []);
  }

  computeTransactionHCU(): never {
    throw new FhevmError(
      "this network prices encrypted operations in gas alone: see receipt.gasUsed, and docs/operations.md for the cost of each",
    );
  }

  revertedWithCustomErrorArgs(contractName: FhevmContractName, customErrorName: string) {
    return customError(contractName, customErrorName);
  }

  async tryParseFhevmError(e: unknown, options: { out?: "stderr" | "stdout" | "console" } = {}): Promise<FhevmContractError | undefined> {
    const parsed = parseRevert(e);
    const { out } = options;
    if (parsed && out) {
      const print = out === "console" ? console.log : (line: string) => process[out].write(`${line}\n`);
      print(`${parsed.name}: ${parsed.longMessage}`);
    }
    return parsed;
  }

  /** Connects once; a failure is tried again by the next call. */
  private network(): Promise<Network> {
    this.connecting ??= this.connect()
      .then(Network.connect)
      .then(
        (network) => (this.connected = network),
        (error: unknown) => {
          this.connecting = undefined;
          throw error;
        },
      );
    return this.connecting;
  }

  private parameters(): Parameters {
    if (this.connected) return this.connected.parameters;
    throw new FhevmError("the network is not connected yet: call `await fhevm.initializeCLIApi()` first");
  }

  private permit(publicKey: string, reading: PermitTerms, establishedName: string): TypedData {
    const permit = newPermit(this.parameters(), prefixed(publicKey), reading);
    const { EIP712Domain: _, ...types } = permit.types;
    return { ...permit, types: refuseName(establishedName, permit.primaryType, types) };
  }

  /** Opens values by a signed permit. `expect` throws where the user may not read a handle of a contract. */
  private async open(pairs: HandleContractPair[], privateKey: string, permit: SignedPermit, expect: Expect): Promise<ClearValues> {
    const network = await this.network();
    const handles = pairs.map(({ handle }) => parseHandle(handle));
    await Promise.all(
      pairs.map(({ contractAddress }, i) =>
        expect(network.rights, handles[i]!, checkAddress("userDecrypt", "contractAddress", contractAddress)),
      ),
    );
    const unique = [...new Set(handles)];
    const words = await network.userDecrypt(prefixed(privateKey), permit.user, unique, permit.terms, prefixed(permit.signature));
    const values = new Map(unique.map((h, i) => [h, clearValue(h, words[i]!)]));
    return Object.fromEntries(pairs.map(({ handle }, i) => [written(handle), values.get(handles[i]!)!]));
  }

  private async userDecryptOne(
    type: FhevmType,
    text: string,
    contract: AddressLike,
    user: Signer,
    options: FhevmUserDecryptOptions = {},
  ): Promise<ClearValue> {
    const handle = parseHandle(text);
    expectType(handle, type);
    expectSigner(user);
    const network = await this.network();
    const [address, account] = [await resolveAddress(contract), await user.getAddress()];
    await network.rights.expectUser(handle, account, getAddress(address));
    const keypair = options.keypair ?? newKeypair();
    const { startTimestamp, durationDays } = options.validity ?? { startTimestamp: await network.now(), durationDays: 1 };
    const [start, days] = [Number(startTimestamp), Number(durationDays)];
    const permit = this.createEIP712(keypair.publicKey, [address], start, days);
    const signature = await user.signTypedData(permit.domain, permit.types, permit.message);
    const words = await network.userDecrypt(prefixed(keypair.privateKey), account, [handle], terms([address], start, days), signature);
    return clearValue(handle, words[0]!);
  }

  private async publicDecryptOne(type: FhevmType, text: string): Promise<ClearValue> {
    const handle = parseHandle(text);
    expectType(handle, type);
    return (await this.publicDecrypt([handle])).clearValues[handle]!;
  }
}

function terms(contracts: string[], startTimestamp: string | number, durationDays: string | number): PermitTerms {
  const validFrom = Number(startTimestamp);
  return { contracts, validFrom, validUntil: validFrom + Number(durationDays) * day };
}

/** A contract or an address in the place of a signer, which only types would tell. */
function expectSigner(user: Partial<Signer> | undefined): void {
  if (typeof user?.getAddress === "function" && typeof user.signTypedData === "function") return;
  throw new FhevmError(
    "userDecrypt: the 'user' argument signs no permit: pass a signer, such as one of ethers.getSigners(), behind the contract",
  );
}

/** The established interface takes hexadecimal with and without its prefix. */
const prefixed = (hex: string): string => (hex.startsWith("0x") ? hex : `0x${hex}`);

const written = (handle: string | Uint8Array): string => (typeof handle === "string" ? handle : (hexlify(handle) as Handle));

/** Elsewhere the struct to sign has another name, and a signature of that is worth nothing here. */
function refuseName(established: string, ours: string, types: TypedData["types"]): TypedData["types"] {
  return Object.defineProperty(types, established, {
    enumerable: false,
    get: () => {
      throw new FhevmError(`this network's permit is a ${ours}: sign with user.signTypedData(eip712.domain, eip712.types, eip712.message)`);
    },
  });
}
