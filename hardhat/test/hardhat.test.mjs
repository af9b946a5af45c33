// Hardhat in the test project, from outside: scripts, settings, refusals.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const project = path.join(path.dirname(fileURLToPath(import.meta.url)), "project");
const { DevNode, locateNode } = createRequire(import.meta.url)("../dist/core");

async function hardhat(args, env = {}) {
  const hardhat = path.join(project, "node_modules/.bin/hardhat");
  return promisify(execFile)(hardhat, args, { cwd: project, env: { ...process.env, ...env }, timeout: 600_000 });
}

const report = async (args, env) => JSON.parse((await hardhat([...args, "run", "--no-compile", "scripts/report.ts"], env)).stdout);

describe("a script", () => {
  test("runs on a node of its own and ends", async () => {
    const seen = await report([]);
    assert.equal(seen.network, "fhevm");
    assert.equal(seen.signer, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    assert.equal(seen.ACLAddress, "0x50157CFfD6bBFA2DECe204a89ec419c23ef5755D");
    assert.equal(seen.block, 1);
  });

  test("signs by itself where accounts are configured", async () => {
    const seen = await report(["--config", "mnemonic.config.ts"]);
    assert.equal(seen.signer, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
    assert.equal(seen.block, 1);
  });

  test("uses a node that runs already", async () => {
    const { node, endpoints } = await DevNode.start({ binary: locateNode(undefined, [project]) });
    try {
      const env = { FHEVM_URL: endpoints.rpc, FHEVM_API: endpoints.api };
      for (const [block, args] of [
        [1, []],
        [2, ["--config", "mnemonic.config.ts"]],
      ]) {
        const seen = await report(args, env);
        assert.deepEqual([seen.url, seen.block], [endpoints.rpc, block]);
      }
      await assert.rejects(
        report([], { FHEVM_URL: endpoints.rpc, FHEVM_API: "http://127.0.0.1:1" }),
        /no wallet API answers at http:\/\/127\.0\.0\.1:1/,
      );
    } finally {
      node.stop();
    }
  });

  test("says where it can compute on encrypted data", async () => {
    await assert.rejects(report(["--network", "hardhat"]), /network hardhat computes on no encrypted data: take --network fhevm/);
  });

  test("says when there is no node", async () => {
    await assert.rejects(report([], { FHEVM_NODE: "/nowhere" }), /\/nowhere is no program/);
  });
});
