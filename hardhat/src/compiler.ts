import { createRequire } from "node:module";
import path from "node:path";
import { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } from "hardhat/builtin-tasks/task-names";
import { subtask } from "hardhat/config";
import { HardhatPluginError } from "hardhat/plugins";
import type { SolcBuild } from "hardhat/types/builtin-tasks";

/** Compiles with the npm package solc of the project: nothing is downloaded, and the lockfile names the compiler. */
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }: { solcVersion: string }, { config }): Promise<SolcBuild> => {
  const project = createRequire(path.join(config.paths.root, "package.json"));
  const advice = `run: npm install --save-dev --save-exact solc@${solcVersion}`;
  let installed: string;
  try {
    installed = (project("solc/package.json") as { version: string }).version;
  } catch {
    throw new HardhatPluginError(
      "fhevm-hardhat",
      `the project has no npm package solc, with which contracts are compiled offline: ${advice}`,
    );
  }
  if (installed !== solcVersion) {
    const problem = `hardhat.config asks for Solidity ${solcVersion}, and the npm package solc of the project is ${installed}`;
    throw new HardhatPluginError("fhevm-hardhat", `${problem}: ${advice}, or set solidity to "${installed}"`);
  }
  const { version } = project("solc") as { version: () => string };
  return { version: installed, longVersion: version(), compilerPath: project.resolve("solc/soljson.js"), isSolcJs: true };
});
