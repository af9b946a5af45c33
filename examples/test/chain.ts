import type { Contract, ContractTransactionResponse, Signer } from "ethers";
import { ethers } from "hardhat";

/** `contract` as `account` calls it. */
export const by = (account: Signer, contract: Contract) => contract.connect(account) as Contract;

/** The receipt of a transaction. */
export const mined = async (sent: Promise<ContractTransactionResponse>) => (await (await sent).wait())!;

/** The time of the latest block, in seconds. */
export const now = async () => (await ethers.provider.getBlock("latest"))!.timestamp;

/** Lets the chain's time pass until `time`: the next transaction comes after it. */
export const waitUntil = async (time: number) => ethers.provider.send("evm_mine", [time]);
