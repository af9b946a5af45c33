// Compiles every Solidity file and writes artifacts/ and testdata/. The output depends on
// nothing but the sources, package-lock.json and this file.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { layouts } from "./layout.mjs";

const root = dirname(fileURLToPath(import.meta.url));
process.chdir(root);
const solc = createRequire(import.meta.url)("solc");

const folders = ["config", "examples", "lib", "system", "test", "twin"];
const governed = ["ACL", "FHEVMExecutor", "InputVerifier", "DecryptionVerifier", "KeyRegistry"];
const twins = ["OperationTwin", "InputTwin", "AttestedInputTwin", "AttachedExecutor", "AttachedInputVerifier"];
const upgradeable = [...governed, "AttachedExecutor", "AttachedInputVerifier", "SystemProxy"];
const published = [...governed, ...twins, "SystemProxy", "ConfidentialToken"];
const settings = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 10_000 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: {
    "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"], "": ["ast"] },
  },
};

const paths = folders.flatMap((f) => readdirSync(f).filter((n) => n.endsWith(".sol")).map((n) => `${f}/${n}`)).sort();
const sources = Object.fromEntries(paths.map((p) => [p, { content: readFileSync(p, "utf8") }]));
const readPackage = (path) => {
  try {
    return { contents: readFileSync(join("node_modules", path), "utf8") };
  } catch (e) {
    return { error: e.message };
  }
};

const input = { language: "Solidity", sources, settings };
const compile = (input) => JSON.parse(solc.compile(JSON.stringify(input), { import: readPackage }));
const output = compile(input);
// 2394 warns of transient storage in general, 5574 and 3860 of the size of contracts.
const harmless = (e) => e.errorCode === "2394" || (["5574", "3860"].includes(e.errorCode) && e.sourceLocation.file.startsWith("test/"));
const errors = (output.errors ?? []).filter((e) => !harmless(e));
for (const e of errors) console.error(e.formattedMessage);
if (errors.length) process.exit(1);

// The system contracts go through the newer code generator, which saves 3,000 gas of a transfer; for the
// library's tests it takes minutes.
const hot = { "system/FHEVMExecutor.sol": ["FHEVMExecutor"], "system/SystemProxy.sol": ["SystemProxy"], "twin/Attached.sol": ["AttachedExecutor"] };
const code = ["evm.bytecode.object", "evm.deployedBytecode.object"];
const systemSources = Object.fromEntries(Object.entries(sources).filter(([p]) => !p.startsWith("test/") && !p.startsWith("examples/")));
const compileHot = (hot, optimizer) => {
  const outputSelection = Object.fromEntries(Object.entries(hot).map(([p, names]) => [p, Object.fromEntries(names.map((n) => [n, code]))]));
  const { contracts } = compile({ ...input, sources: systemSources, settings: { ...settings, optimizer, viaIR: true, outputSelection } });
  for (const [p, names] of Object.entries(hot)) for (const n of names) output.contracts[p][n].evm = contracts[p][n].evm;
};
compileHot(hot, settings.optimizer);
// A transfer calls the ACL eight times, and its code has room: 2 KB more of it save 400 gas.
compileHot({ "system/ACL.sol": ["ACL"] }, { enabled: true, runs: 2 ** 32 - 1 });

rmSync("artifacts", { recursive: true, force: true });
mkdirSync("artifacts");
const write = (path, value) => writeFileSync(path, JSON.stringify(value, null, 2) + "\n");
for (const [sourceName, contracts] of Object.entries(output.contracts)) {
  for (const [contractName, c] of Object.entries(contracts)) {
    const bytecode = "0x" + c.evm.bytecode.object;
    const deployedBytecode = "0x" + c.evm.deployedBytecode.object;
    if (sourceName.startsWith("test/") && bytecode !== "0x") write(`testdata/${contractName}.json`, { contractName, bytecode });
    if (!published.includes(contractName)) continue;
    if (upgradeable.includes(contractName) && c.storageLayout.storage.length) {
      console.error(`${contractName}: state outside of an ERC-7201 namespace would move in an upgrade`);
      process.exit(1);
    }
    write(`artifacts/${contractName}.json`, {
      _format: "hh-sol-artifact-1",
      contractName,
      sourceName,
      abi: c.abi,
      bytecode,
      deployedBytecode,
      linkReferences: {},
      deployedLinkReferences: {},
    });
  }
}

write("artifacts/layout.json", layouts(upgradeable, compile, input, output));

// The hash lets a Go test see stale artifacts without a compiler: SHA-256 over
// "<path> <SHA-256 of the file in hex>\n" for each input in order of path.
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const inputs = [...paths, "build.mjs", "layout.mjs", "package-lock.json"].sort();
write("artifacts/build.json", {
  solc: solc.version(),
  sources: sha256(inputs.map((p) => `${p} ${sha256(readFileSync(p))}\n`).join("")),
});
