// Deploys to an anvil of its own and orders an encrypted sum through the library. Run by npm test.
// On systems other than Linux on amd64, ANVIL is the path of an anvil.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { concat, Contract, ContractFactory, dataSlice, getAddress, JsonRpcProvider, keccak256, toBeHex, toUtf8Bytes, Wallet } from "ethers";

const here = fileURLToPath(new URL(".", import.meta.url));
const chainId = 31415;
const network = {
  network: "dev",
  chainId,
  keyId: keccak256(toUtf8Bytes("the network's key")),
  committee: { epoch: 7, quorum: 3, signers: [1, 2, 3, 4].map((i) => toBeHex(i, 20)) },
  budget: { perBlock: 1000, burst: 4000, depth: 100 },
};
const UINT64 = 5;
const TRIVIAL_ENCRYPT = 24;

/// Starts anvil at a free port and returns its URL, the process and a funded key.
async function startAnvil() {
  const child = spawn(process.env.ANVIL ?? join(here, "node_modules/.bin/anvil"), ["--port", "0", "--chain-id", String(chainId)], { timeout: 1_200_000 });
  let text = "";
  const url = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`anvil ended with ${code}: ${text}`)));
    child.stdout.on("data", (data) => {
      text += data;
      const listening = /Listening on (\S+)/.exec(text);
      if (listening) resolve(`http://${listening[1]}`);
    });
  });
  return { url, child, key: /\(0\) (0x[0-9a-f]{64})/.exec(text)[1] };
}

/// Runs deploy.mjs as a user does, and returns its exit code and what it printed.
async function deploy(folder, description, url, env, owner) {
  const file = join(folder, "network.json");
  await writeFile(file, JSON.stringify(description));
  const args = [join(here, "deploy.mjs"), "--rpc", url, "--network", file, "--owner", owner];
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } })) };
  } catch (e) {
    return { code: e.code, stdout: e.stdout, stderr: e.stderr };
  }
}

const domain = (acl) => concat([toBeHex(chainId, 8), acl, network.keyId, "0x00"]);

/// A derivation, written out from docs/spec/names.md 2.3.
function derivation(acl, op, salt, operands) {
  const kinds = operands.map(({ kind }) => toBeHex(kind, 1));
  const words = operands.map(({ word }) => toBeHex(word, 32));
  return concat([domain(acl), toBeHex(op, 1), toBeHex(UINT64, 1), toBeHex(salt, 32), toBeHex(operands.length, 1), ...kinds, ...words]);
}

/// What the chain logs of a derivation (2.5): not the domain, nor 24 bytes of the salt.
const computation = (encoding) => concat([dataSlice(encoding, 61, 63), dataSlice(encoding, 87)]);

const digest = (encoding) => keccak256(concat([toUtf8Bytes("fhevm operation"), encoding]));
const handle = (encoding) => concat([dataSlice(digest(encoding), 0, 21), "0xff", toBeHex(chainId, 8), toBeHex(UINT64, 1), "0x00"]);

/// What the sum of two public numbers must order: the derivations in their order.
function expected(acl, a, b) {
  const left = derivation(acl, TRIVIAL_ENCRYPT, 0, [{ kind: 2, word: a }]);
  const right = derivation(acl, TRIVIAL_ENCRYPT, 1, [{ kind: 2, word: b }]);
  return [left, right, derivation(acl, 0, 2, [{ kind: 1, word: handle(left) }, { kind: 1, word: handle(right) }])];
}

async function checkAdd(signer, { acl, executor, decryptionVerifier }) {
  const { bytecode } = JSON.parse(await readFile(join(here, "../testdata/Adder.json"), "utf8"));
  const abi = ["constructor((address,address,address))", "function add(uint64,uint64)", "function sum() view returns (bytes32)"];
  const adder = await new ContractFactory(abi, bytecode, signer).deploy([acl, executor, decryptionVerifier]);
  const { logs } = await (await adder.getFunction("add")(20, 22)).wait();
  const event = new Contract(executor, ["event Operation(address indexed caller, bytes32 indexed result, bytes32 digest, bytes computation)"]);
  const ordered = logs.filter((l) => l.address === executor).map((l) => event.interface.parseLog(l).args);
  const want = expected(acl, 20, 22);
  assert.deepEqual(ordered.map((o) => o.computation), want.map(computation));
  assert.deepEqual(ordered.map((o) => o.digest), want.map(digest));
  assert.deepEqual(ordered.map((o) => o.result), want.map(handle));
  assert.equal(await adder.getFunction("sum")(), handle(want[2]));
}

async function checkRefusals(folder, url, key, owner) {
  const refused = async (text, description, env, by) => {
    const { code, stderr, stdout } = await deploy(folder, description, url, env, by);
    assert.equal(code, 1);
    assert.match(stderr, text);
    assert.ok(!(stderr + stdout).includes(key.slice(2)), "the key is in the output");
  };
  const env = { DEPLOYER_KEY: key };
  await refused(/the chain's id is 31415, the network is for chain 1/, { ...network, chainId: 1 }, env, owner);
  await refused(/owner must be an address, not zero/, network, env, toBeHex(0, 20));
  await refused(/DEPLOYER_KEY must be 32 bytes/, network, { DEPLOYER_KEY: key.slice(2) }, owner);
  await refused(/network must be "dev"/, { ...network, network: "production" }, env, owner);
  await refused(/budget.depth must be/, { ...network, budget: { perBlock: 1, burst: 1, depth: 0 } }, env, owner);
  const twice = { ...network.committee, signers: Array(4).fill(toBeHex(1, 20)) };
  await refused(/signers must differ/, { ...network, committee: twice }, env, owner);
  const poor = Wallet.createRandom();
  await refused(/has no funds/, network, { DEPLOYER_KEY: poor.privateKey }, poor.address);
}

const { url, child, key } = await startAnvil();
const folder = await mkdtemp(join(tmpdir(), "fhevm-deploy-"));
const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
try {
  const signer = new Wallet(key, provider);
  await checkRefusals(folder, url, key, signer.address);
  const governor = getAddress(toBeHex(0x600d, 20));
  const { code, stdout, stderr } = await deploy(folder, network, url, { DEPLOYER_KEY: key }, governor);
  assert.equal(code, 0, stderr);
  const { contracts } = JSON.parse(stdout);
  await checkAdd(signer, contracts);
  const acl = new Contract(contracts.acl, ["function owner() view returns (address)"], provider);
  assert.equal(await acl.owner(), governor);
  console.log("an encrypted sum orders the derivations of the specification");
} finally {
  provider.destroy();
  child.kill();
  await rm(folder, { recursive: true });
}
