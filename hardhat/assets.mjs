// Puts beside the compiled plugin what it carries: the wasm wallet core, built
// by `make wasm`, and the interfaces of the system contracts.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";

const at = (path) => new URL(path, import.meta.url);
const contracts = ["ACL", "FHEVMExecutor", "InputVerifier", "DecryptionVerifier"];

await mkdir(at("dist/wallet/"), { recursive: true });
for (const file of ["fhevm.wasm", "wasm_exec.js"]) {
  await cp(at(`../sdk/wasm/dist/${file}`), at(`dist/wallet/${file}`));
}
const interfaces = {};
for (const name of contracts) {
  interfaces[name] = JSON.parse(await readFile(at(`../contracts/artifacts/${name}.json`), "utf8")).abi;
}
await writeFile(at("dist/interfaces.json"), JSON.stringify(interfaces));
