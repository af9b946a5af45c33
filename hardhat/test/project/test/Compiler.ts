import { expect } from "chai";
import { run } from "hardhat";
import { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } from "hardhat/builtin-tasks/task-names";

const build = (solcVersion: string) => run(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, { quiet: true, solcVersion });

describe("the compiler", () => {
  it("is the npm package of the project", async () => {
    expect(await build("0.8.30")).to.include({ version: "0.8.30", isSolcJs: true });
  });

  it("of another version is refused with advice", async () => {
    await expect(build("0.8.29")).to.be.rejectedWith(
      /asks for Solidity 0\.8\.29, .* is 0\.8\.30: run: npm install --save-dev --save-exact solc@0\.8\.29/,
    );
  });
});
