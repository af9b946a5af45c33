// Deploys the system contracts to an EVM chain that has no fhevm precompiles, with the twins in
// their place. `node deploy.mjs --help` says how.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Contract, ContractFactory, Interface, ZeroAddress, ZeroHash, getAddress, getCreateAddress, isAddress, isHexString, JsonRpcProvider, Wallet } from "ethers";

const help = `Deploys the system contracts of an fhevm network to an EVM chain.

  DEPLOYER_KEY=0x... node deploy.mjs --rpc URL --network FILE --owner ADDRESS

  --rpc URL        JSON-RPC of the chain, which must have the Cancun fork
  --network FILE   description of the network: the fields of a genesis (docs/spec/chain.md 8.3) but
                   alloc and owner, which are left out. With "coprocessor", the account that attests
                   inputs, wallets hand their inputs to it; without, whole inputs go into
                   transactions. fhevm-node attach --describe prints one
  --owner ADDRESS  the account, timelock or multisig that governs the contracts from then on
  --help           this text

DEPLOYER_KEY is the private key of the account that deploys, in hexadecimal. The result is a JSON object with the
addresses on standard output. If a deployment stops, run it again: it begins anew.

Inputs are not proven yet: whoever can send transactions to the chain can learn the network's key.
Deploy to a chain of your own.`;

/// The contracts in the order of their creation. `args` are the constructor's, from the addresses of all
/// contracts and the description of the network. One with `initialize` stands behind a proxy, which
/// calls that with these arguments; its implementation is created before it. `reads` are getters and
/// what they must answer.
const table = [
  { name: "operationTwin", artifact: "OperationTwin", args: () => [] },
  {
    name: "inputTwin",
    artifact: ({ coprocessor }) => (coprocessor ? "AttestedInputTwin" : "InputTwin"),
    args: (at, { coprocessor }) => (coprocessor ? [coprocessor] : []),
  },
  {
    name: "acl",
    artifact: "ACL",
    args: (at) => [at.executor],
    initialize: ({ owner }) => [owner],
    reads: (at, { owner }) => ({ getFHEVMExecutorAddress: at.executor, owner: getAddress(owner) }),
  },
  {
    name: "executor",
    artifact: "AttachedExecutor",
    args: (at, { keyId }) => [at.acl, at.inputVerifier, keyId, at.operationTwin],
    initialize: ({ budget }) => [budget.perBlock, budget.burst, budget.depth],
    reads: (at, { keyId }) => ({ getACLAddress: at.acl, getInputVerifierAddress: at.inputVerifier, keyId: keyId.toLowerCase() }),
  },
  {
    name: "inputVerifier",
    artifact: "AttachedInputVerifier",
    args: (at, { keyId }) => [at.acl, at.executor, keyId, at.inputTwin],
    initialize: () => [],
    reads: (at, { keyId }) => ({ keyId: keyId.toLowerCase() }),
  },
  {
    name: "decryptionVerifier",
    artifact: "DecryptionVerifier",
    args: (at) => [at.acl, at.keyRegistry],
    initialize: () => [],
    reads: (at, { committee }) => ({ getKeyRegistryAddress: at.keyRegistry, getThreshold: BigInt(committee.quorum) }),
  },
  {
    name: "keyRegistry",
    artifact: "KeyRegistry",
    args: (at) => [at.acl, at.decryptionVerifier],
    initialize: ({ network, keyId, committee: { signers, quorum, epoch } }) => [network, keyId, ZeroHash, epoch, signers, quorum],
    reads: (at, { network, keyId, committee }) => ({ getACLAddress: at.acl, getDecryptionVerifierAddress: at.decryptionVerifier, network, keyId: keyId.toLowerCase(), currentEpoch: BigInt(committee.epoch) }),
  },
];

/// The creations that the table makes: of each contract, or of its implementation and its proxy.
const creations = table.flatMap((row) => {
  if (!row.initialize) return [row];
  const implementation = { ...row, name: `${row.name}Implementation` };
  const proxy = async (at, network) => {
    const { abi } = await artifact(row, network);
    return [at[implementation.name], new Interface(abi).encodeFunctionData("initialize", row.initialize(network))];
  };
  return [implementation, { name: row.name, artifact: "SystemProxy", args: proxy }];
});

/// Deploys the contracts of `network` by `signer` and returns their addresses by name. `report` is
/// called with a line for each step.
export async function deploy(signer, network, report = () => {}) {
  checkDescription(network);
  await checkChain(signer, network);
  const nonce = await freeNonce(signer);
  const from = await signer.getAddress();
  const at = Object.fromEntries(creations.map(({ name }, i) => [name, getCreateAddress({ from, nonce: nonce + i })]));
  for (const [i, row] of creations.entries()) {
    const { abi, bytecode } = await artifact(row, network);
    const args = await row.args(at, network);
    const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args, { nonce: nonce + i });
    await contract.waitForDeployment();
    const address = await contract.getAddress();
    if (address !== at[row.name]) throw new Error(`${row.name} is at ${address}, not at ${at[row.name]}: deploy again`);
    report(`${row.name} ${address}`);
  }
  await check(signer.provider, at, network);
  return at;
}

/// Throws unless the deployed contracts answer what the description says.
export async function check(provider, at, network) {
  for (const row of table) {
    const contract = new Contract(at[row.name], (await artifact(row, network)).abi, provider);
    for (const [getter, want] of Object.entries(row.reads?.(at, network) ?? {})) {
      const got = await contract[getter]();
      if (got !== want) throw new Error(`${row.name}.${getter}() is ${got}, want ${want}`);
    }
  }
}

function checkDescription({ network, chainId, keyId, owner, committee, budget, coprocessor }) {
  const want = (ok, text) => {
    if (!ok) throw new Error(`network description: ${text}`);
  };
  want(network === "dev", 'network must be "dev": production waits for input proofs and committee key generation');
  want(Number.isSafeInteger(chainId) && chainId > 0, "chainId must be a number above 0");
  want(isAddress(owner) && owner !== ZeroAddress, "owner must be an address, not zero");
  want(isHexString(keyId, 32), "keyId must be 32 bytes in hexadecimal");
  const signers = committee?.signers;
  want(Array.isArray(signers) && signers.every((a) => isAddress(a)), "committee.signers must be addresses");
  want(new Set(signers.map((a) => getAddress(a))).size === signers.length, "committee.signers must differ from each other");
  want(Number.isSafeInteger(committee.quorum) && committee.quorum > 0, "committee.quorum must be a number above 0");
  want(committee.quorum <= signers.length, "committee.quorum must be at most the number of signers");
  want(Number.isSafeInteger(committee.epoch), "committee.epoch must be a number");
  want(coprocessor === undefined || (isAddress(coprocessor) && coprocessor !== ZeroAddress), "coprocessor must be an address, not zero");
  for (const limit of ["perBlock", "burst", "depth"]) {
    want(Number.isSafeInteger(budget?.[limit]) && budget[limit] > 0 && budget[limit] < 2 ** 32, `budget.${limit} must be from 1 to 2^32 - 1`);
  }
}

async function checkChain(signer, { chainId }) {
  const { chainId: actual } = await signer.provider.getNetwork();
  if (actual !== BigInt(chainId)) throw new Error(`the chain's id is ${actual}, the network is for chain ${chainId}`);
  if ((await signer.provider.getBalance(signer)) === 0n) throw new Error(`${await signer.getAddress()} has no funds on chain ${chainId}`);
}

/// The deployer's nonce, on which all addresses depend.
async function freeNonce(signer) {
  const [mined, pending] = await Promise.all(["latest", "pending"].map((tag) => signer.getNonce(tag)));
  if (mined !== pending) throw new Error(`the deployer has ${pending - mined} transactions pending: wait until they are mined`);
  return mined;
}

async function artifact({ artifact }, network) {
  const name = typeof artifact === "string" ? artifact : artifact(network);
  return JSON.parse(await readFile(new URL(`../artifacts/${name}.json`, import.meta.url), "utf8"));
}

async function main() {
  const { values } = parseArgs({
    options: { rpc: { type: "string" }, network: { type: "string" }, owner: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) return console.log(help);
  for (const flag of ["rpc", "network", "owner"]) {
    if (!values[flag]) throw new Error(`--${flag} is missing; --help explains it`);
  }
  if (!isAddress(values.owner)) throw new Error("--owner is no address");
  const network = JSON.parse(await readFile(values.network, "utf8"));
  const provider = new JsonRpcProvider(values.rpc, undefined, { cacheTimeout: -1, staticNetwork: true });
  try {
    const signer = wallet(process.env.DEPLOYER_KEY, provider);
    const owner = getAddress(values.owner);
    const contracts = await deploy(signer, { ...network, owner }, console.error);
    console.log(JSON.stringify({ chainId: network.chainId, keyId: network.keyId, owner, contracts }, null, 2));
  } finally {
    provider.destroy();
  }
}

/// The wallet of the key, without the key in any error.
function wallet(key, provider) {
  if (!isHexString(key, 32)) throw new Error("DEPLOYER_KEY must be 32 bytes in hexadecimal, with 0x before them");
  try {
    return new Wallet(key, provider);
  } catch {
    throw new Error("DEPLOYER_KEY is no private key of secp256k1");
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((e) => {
    console.error(`deploy: ${e.shortMessage ?? e.message}`);
    process.exitCode = 1;
  });
}
