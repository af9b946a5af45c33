// A confidential transfer from JavaScript: ethers for the chain, the wasm core
// for everything secret.
//
//   fhevm-node dev --config-out dev.json &
//   node e2e/transfer.mjs dev.json [folder of the wasm core]
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Contract, ContractFactory, JsonRpcProvider, Wallet } from "ethers";
import { loadCore, Network } from "./fhevm.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const [infoFile, coreFolder = path.join(here, "../sdk/wasm/dist")] = process.argv.slice(2);
if (!infoFile) throw new Error("usage: node transfer.mjs dev.json [folder of the wasm core]");

const info = JSON.parse(await readFile(infoFile, "utf8"));
const artifact = JSON.parse(await readFile(path.join(here, "../contracts/artifacts/ConfidentialToken.json"), "utf8"));
const provider = new JsonRpcProvider(info.rpc, undefined, { cacheTimeout: -1 });
const [alice, bob, eve] = info.accounts.map(({ key }) => new Wallet(key, provider));
const core = await loadCore(coreFolder);
const network = await Network.connect(core, info.api);

async function step(name, run) {
  const start = performance.now();
  const result = await run();
  console.log(`${name} (${((performance.now() - start) / 1000).toFixed(2)} s)`);
  return result;
}

const token = await step("deploy", async () => {
  const contract = await new ContractFactory(artifact.abi, artifact.bytecode, alice).deploy("Confidential Dollar", "cUSD");
  return contract.waitForDeployment();
});
const address = await token.getAddress();

async function sendAmount(method, from, to, value) {
  const { handles, inputProof } = await network.encrypt(address, from.address, [{ type: "uint64", value }]);
  const tx = await token.connect(from)[method](to.address, handles[0], inputProof);
  const receipt = await tx.wait();
  assert.equal(receipt.status, 1);
  return receipt;
}

async function balance(account) {
  const handle = await token.confidentialBalanceOf(account.address);
  await network.ready(handle);
  return handle;
}

await step("mint 1000 to alice", () => sendAmount("mint", alice, alice, 1000n));
await step("alice sends bob 300", () => sendAmount("transfer", alice, bob, 300n));
await step("alice sends bob 10000, which moves zero", () => sendAmount("transfer", alice, bob, 10000n));

await step("alice reads her balance", async () => {
  assert.deepEqual(await network.decrypt(alice, address, [await balance(alice)]), [700n]);
});
await step("bob reads his balance", async () => {
  assert.deepEqual(await network.decrypt(bob, address, [await balance(bob)]), [300n]);
});
await step("bob reads it with a transport key of his own, by one signature", async () => {
  const { seed, publicKey } = network.newTransportKey();
  const times = { validFrom: Math.floor(Date.now() / 1000), validUntil: Math.floor(Date.now() / 1000) + 60 };
  const { domain, types: { EIP712Domain, ...types }, message } = network.permit(publicKey, address, times);
  const signature = await bob.signTypedData(domain, types, message);
  const signed = { getAddress: () => bob.address, signTypedData: () => signature };
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await network.decrypt(signed, address, [await balance(bob)], { ...times, seed }), [300n]);
  }
});
await step("eve is refused", async () => {
  await assert.rejects(network.decrypt(eve, address, [await balance(alice)]), /may not read handle/);
});
await step("bob lets eve read his balance", async () => {
  const delegator = bob.address;
  await assert.rejects(network.decrypt(eve, address, [await balance(bob)], { delegator }), /does not let/);
  const acl = new Contract(network.parameters.contracts.acl, ["function delegateForUserDecryption(address,address,uint64)"], bob);
  await (await acl.delegateForUserDecryption(eve.address, address, Math.floor(Date.now() / 1000) + 3600)).wait();
  assert.deepEqual(await network.decrypt(eve, address, [await balance(bob)], { delegator }), [300n]);
});
await step("bob approves alice, who takes 100", async () => {
  await sendAmount("approve", bob, alice, 150n);
  const { handles, inputProof } = await network.encrypt(address, alice.address, [{ type: "uint64", value: 100n }]);
  await (await token.transferFrom(bob.address, alice.address, handles[0], inputProof)).wait();
  assert.deepEqual(await network.decrypt(bob, address, [await balance(bob)]), [200n]);
});
await step("an input for another contract is refused", async () => {
  const { handles, inputProof } = await network.encrypt(bob.address, alice.address, [{ type: "uint64", value: 1n }]);
  await assert.rejects(token.transfer(bob.address, handles[0], inputProof), /bound to contract/);
});
await step("the total supply is opened and verified on chain", async () => {
  await (await token.requestTotalSupply()).wait();
  const handle = await token.confidentialTotalSupply();
  await network.ready(handle);
  const { values, proof } = await network.publicDecrypt([handle]);
  await (await token.finalizeTotalSupply(BigInt(values[0]), proof)).wait();
  assert.equal(await token.publishedTotalSupply(), 1000n);
});

console.log("all values are right");
process.exit(0); // the wasm core never returns
