import "@nomicfoundation/hardhat-ethers";
import { extendEnvironment } from "hardhat/config";
import { lazyObject } from "hardhat/plugins";
import "./compiler";
import { Fhevm } from "./core";
import { connect } from "./network";
import "./type-extensions";

extendEnvironment((hre) => {
  hre.fhevm = lazyObject(() => new Fhevm(() => connect(hre)));
});

export { FHEVM_NETWORK } from "./network";
export type { FhevmConfig } from "./type-extensions";
export * from "./core";
