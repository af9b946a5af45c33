// The node's process, from a plain Node program: it starts, and it never stays.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const { DevNode, locateNode } = createRequire(import.meta.url)("../dist/core");

/** A process that has ended may stay listed until whoever adopted it asks for its status. */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch (error) {
    return error.code === "ENOENT" && process.platform !== "linux";
  }
}

/** Fails unless a process ends within ten seconds. */
async function ends(pid) {
  for (let i = 0; i < 500 && isAlive(pid); i++) await sleep(20);
  const stayed = isAlive(pid);
  if (stayed) process.kill(pid, "SIGKILL");
  assert.ok(!stayed, "the node stayed");
}

/** A program that has started a node, and what it says of the node. */
async function parent(way) {
  const child = spawn(process.execPath, [path.join(here, "parent.cjs"), way], { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "exit");
  const [line] = await once(createInterface(child.stdout), "line");
  return { child, exited, node: JSON.parse(line) };
}

describe("a node ends when the program that started it", () => {
  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"]) {
    test(`is ended by ${signal}`, async () => {
      const { child, exited, node } = await parent("wait");
      assert.ok(isAlive(node.pid));
      child.kill(signal);
      assert.deepEqual(await exited, [null, signal]);
      await ends(node.pid);
    });
  }
  for (const [way, code] of [
    ["throw", 1],
    ["exit", 0],
    ["end", 0],
  ]) {
    test(`does so by itself: ${way}`, async () => {
      const { exited, node } = await parent(way);
      assert.deepEqual(await exited, [code, null]);
      await ends(node.pid);
    });
  }
});

describe("the node's program", () => {
  let folder, refuses;

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "fhevm-hardhat-test-"));
    refuses = path.join(folder, "fhevm-node");
    await writeFile(refuses, "#!/bin/sh\necho no keys here >&2\nexit 3\n");
    await chmod(refuses, 0o755);
  });
  after(() => rm(folder, { recursive: true }));

  /** Runs with other environment variables. */
  function within(env, run) {
    const old = { ...process.env };
    Object.assign(process.env, env);
    try {
      return run();
    } finally {
      process.env = old;
    }
  }

  test("is the configured one, then FHEVM_NODE, then on PATH, then of the repository", () => {
    const env = { FHEVM_NODE: refuses, PATH: folder };
    assert.equal(
      within(env, () => locateNode(process.execPath, [here])),
      process.execPath,
    );
    assert.equal(
      within(env, () => locateNode(undefined, [here])),
      refuses,
    );
    assert.equal(
      within({ ...env, FHEVM_NODE: "" }, () => locateNode(undefined, [here])),
      refuses,
    );
    assert.equal(
      within({ FHEVM_NODE: "", PATH: "" }, () => locateNode(undefined, [here])),
      path.join(here, "../../bin/fhevm-node"),
    );
  });

  test("that is missing gives advice", () => {
    assert.throws(
      () => within({ FHEVM_NODE: "", PATH: "" }, () => locateNode(undefined, [folder])),
      /make build.*FHEVM_NODE.*fhevm\.binary.*FHEVM_URL/,
    );
    assert.throws(() => locateNode(path.join(folder, "none"), []), /is no program: set fhevm\.binary/);
    assert.throws(() => within({ FHEVM_NODE: folder }, () => locateNode(undefined, [])), /is no program: set FHEVM_NODE/);
  });

  test("that fails says why", async () => {
    const lines = [];
    await assert.rejects(DevNode.start({ binary: refuses, progress: (line) => lines.push(line) }), /has ended; it said:\n {2}no keys here/);
    assert.deepEqual(lines, ["no keys here"]);
  });

  test("that was killed is known to be", async () => {
    const { node } = await DevNode.start({ binary: locateNode(undefined, [here]) });
    assert.equal(node.failure(), undefined);
    process.kill(node.pid, "SIGKILL");
    while (!node.failure()) await sleep(5);
    assert.match(node.failure().message, /fhevm-node has ended$/);
    node.stop();
  });
});
