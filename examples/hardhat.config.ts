import "@fhevm/hardhat-plugin";
import "@nomicfoundation/hardhat-chai-matchers";
import type { HardhatUserConfig } from "hardhat/config";

const config: HardhatUserConfig = {
  solidity: { version: "0.8.30", settings: { evmVersion: "cancun", optimizer: { enabled: true } } },
};

export default config;
